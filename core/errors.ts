import type { ErrorInfo } from './contract.ts'

/**
 * Every error Millrace makes has one of these codes. The text says what a reader of a log should know of the code;
 * the documentation's table is this one.
 */
export const ERROR_CODES = {
  CONFIG_INVALID: 'The configuration has problems; all of them are listed with their paths.',
  CONFIG_NOT_FOUND: 'No configuration file was found where it was looked for.',
  SECRET_MISSING: 'A value that comes from the environment or a file is not there.',
  FUNCTION_NOT_FOUND: 'The file of a function, or the export named as its handler, does not exist.',
  FUNCTION_PACKAGE_INVALID: 'A zip or layer of a function is not what may be unpacked; nothing of it was written.',
  FUNCTION_INIT_FAILED: 'A function threw, exited or timed out before it was ready. No record is charged.',
  FUNCTION_MISMATCH: 'A function was given records of a channel it was not written for. No record is charged.',
  FUNCTION_FAILED: 'A function threw while it had a batch.',
  FUNCTION_TIMEOUT: 'A function ran past its timeout and was killed.',
  FUNCTION_THROTTLED: 'A remote function had no room. No record is charged.',
  FUNCTION_CRASHED: 'The environment of a function ended in the middle of an invocation.',
  FUNCTION_OUT_OF_MEMORY: 'A function used more memory than it may and was killed.',
  FUNCTION_ANSWER_INVALID: 'A function answered with something that is not an answer. Its whole batch failed.',
  FUNCTION_ANSWER_TOO_LARGE: 'A function answered with more bytes than an answer may have.',
  RECORD_FAILED: 'A function reported this record as failed.',
  RECORD_UNDECODABLE: 'The codec of the channel could not decode the body.',
  RECORD_INVALID: 'The decoded body does not match the schema of the channel.',
  RECORD_EXPIRED: 'The record is older than maxAge.',
  RECORD_STARVED: 'The record could only be tried for free, for longer than maxFreeWait.',
  RECORD_CRASHED_HOST: 'The process ended each time this record was tried.',
  SEND_INVALID: 'A record given to send does not match the codec or schema of its channel.',
  SEND_FAILED: 'The broker did not confirm a record.',
  CHANNEL_UNKNOWN: 'No channel with this address is part of the configuration.',
  FILTER_INVALID: 'A filter is no pattern in the language of Amazon EventBridge.',
  APP_STATE: 'The app is not in a state in which this can be done.',
  SOURCE_FAILED: 'Reading from a source failed; it is tried again.',
  SOURCE_FATAL: 'Reading from a source failed in a way that trying again cannot mend.',
  SETTLE_FAILED: 'The source did not take a verdict; it is tried again.',
  LISTEN_FAILED: 'A port could not be listened on.',
  STATE_UNAVAILABLE: 'The state folder cannot be read or written. Nothing is acknowledged until it can.',
  DEAD_LETTER_NOT_FOUND: 'There is no dead letter with this id.',
  DEAD_LETTER_REFUSED: 'What was asked for cannot be done to this dead letter.',
  REPLAY_NOT_FOUND: 'There is no replay with this id.',
  DEAD_LETTER_UNREADABLE: 'What is stored of a dead letter is not what this version can read.',
  IDEMPOTENCY_KEY_INVALID: 'There is no idempotency key, or none that tells anything. Nothing was run.',
  IDEMPOTENCY_IN_PROGRESS: 'The key is being processed elsewhere. Nothing was run; a record comes again, uncharged.',
  IDEMPOTENCY_PAYLOAD_DIFFERS: 'The key was processed before, with another payload. Nothing was run.',
  IDEMPOTENCY_LEASE_LOST: 'A claim was lost while its function ran; a record comes again, uncharged.',
  IDEMPOTENCY_RESULT_INVALID: 'A function ran, but what it returned cannot be kept for those who ask again.',
  IDEMPOTENCY_RECORD_UNREADABLE: 'What is stored of a key is not what this version can read. Nothing was run.',
  IDEMPOTENCY_STORE_FAILED: 'The store of idempotency keys cannot be asked. Nothing is run until it can.',
  CLI_USAGE: 'The command line was not understood.',
} as const

export type ErrorCode = keyof typeof ERROR_CODES

export interface ErrorOptions {
  readonly cause?: unknown
  /** Trying again cannot mend it. Default: false. */
  readonly fatal?: boolean
  /** What a schema found, for whoever sent the value. */
  readonly issues?: readonly Issue[]
}

/** What is wrong in a value, and where: `items[0].name`, empty for the value itself. */
export interface Issue {
  readonly path: string
  readonly message: string
}

/** The one class of errors that Millrace makes: `what · where · expected · got · what to do`, and a code. */
export class MillraceError extends Error {
  override readonly name = 'MillraceError'
  readonly code: ErrorCode
  readonly fatal: boolean
  readonly issues?: readonly Issue[]

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.fatal = options.fatal ?? false
    if (options.issues) this.issues = options.issues
  }
}

/** Wraps what a foreign library threw, at the edge that met it. */
export const wrapError = (
  code: ErrorCode,
  where: string,
  thrown: unknown,
  options: { fatal?: boolean } = {},
): MillraceError =>
  thrown instanceof MillraceError
    ? thrown
    : new MillraceError(code, `${where}: ${errorInfo(thrown).message}`, { ...options, cause: thrown })

/** Anything thrown, as data; what is not an Error becomes one that says so. Never throws, whatever its getters do. */
export const errorInfo = (thrown: unknown): ErrorInfo => {
  try {
    return thrown instanceof Error ? describeError(thrown) : { name: 'NonError', message: describe(thrown) }
  } catch {
    return { name: 'NonError', message: `thrown ${typeof thrown} that cannot be read` }
  }
}

const describeError = (error: Error): ErrorInfo => {
  const code = (error as { code?: unknown }).code
  return {
    name: String(error.name),
    message: String(error.message),
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof error.stack === 'string' ? { stack: error.stack } : {}),
  }
}

const describe = (thrown: unknown): string => {
  try {
    return `thrown value that is not an Error: ${typeof thrown === 'string' ? thrown : (JSON.stringify(thrown) ?? String(thrown))}`
  } catch {
    return `thrown value that is not an Error: ${typeof thrown}`
  }
}
