/** What the messages of an environment say, as the host's values. All of them throw when a message is not what it seems. */
import type { Log, LogLevel } from '../../log.ts'
import type { ColdStart, FunctionError, Outcome, RefusedRecord } from '../contract.ts'
import type { Invoked } from '../environment.ts'
import { decodeAnswered } from '../wire/answered.ts'
import { MESSAGE, type Message, type ReadyHeader } from '../wire/message.ts'
import type { Output } from './output.ts'

export interface Reply {
  readonly outcome: Outcome
  /** Undefined where the function did not answer. */
  readonly tookMs: number | undefined
}

/** Of an `answered`, `failed` or `mismatch` message. */
export const replyOf = (message: Message): Reply => {
  if (message.kind !== MESSAGE.answered) return { outcome: failureOf(message), tookMs: undefined }
  const { tookMs, refused } = decodeAnswered(message.header)
  const value = message.body.length === 0 ? null : JSON.parse(message.body.toString('utf8'))
  return { outcome: { kind: 'answered', value, refused }, tookMs }
}

const failureOf = (message: Message): Outcome => {
  if (message.kind === MESSAGE.mismatch) return { kind: 'not-ready', error: JSON.parse(message.header) }
  const { error, refused } = JSON.parse(message.header) as { error: FunctionError; refused: readonly RefusedRecord[] }
  return { kind: 'failed', error, refused }
}

/**
 * Calls `run` once the lines printed before the answer were read. They came by another pipe, which is read in the same
 * turn of the event loop but perhaps after fd 3; a function that answers and has been quiet needs no waiting.
 */
export const afterOutput = (outcome: Outcome, output: Pick<Output, 'quiet'>, run: () => void): void => {
  if (outcome.kind === 'answered' && (outcome.value === null || output.quiet())) run()
  else setImmediate(run)
}

export const neverBegan = (outcome: Outcome): Invoked => ({
  outcome,
  durationMs: 0,
  tookMs: undefined,
  logs: [],
  maxMemoryMb: undefined,
  begun: false,
})

/** Of a `ready` message, which came so long after the start. */
export const coldStartOf = (from: ColdStart['from'], { ageMs, importMs }: ReadyHeader, totalMs: number): ColdStart => {
  const runtimeMs = from === 'new' ? ageMs : 0
  return { from, startMs: Math.max(0, totalMs - runtimeMs - importMs), runtimeMs, importMs }
}

const LEVELS: ReadonlySet<string> = new Set<LogLevel>(['debug', 'info', 'warn', 'error'])

/** A line of `context.log`. */
export const writeLog = (log: Log, output: Output, header: string): void => {
  const { level, message, fields } = JSON.parse(header) as { level: LogLevel; message: string; fields: object }
  if (!LEVELS.has(level)) throw new RangeError(`a log line of level ${level}`)
  if (output.keep(message, header.length)) log.with({ ...fields })[level](message)
}
