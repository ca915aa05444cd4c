/** What went wrong at the broker, as an error that says what to do; RabbitMQ tells by AMQP's reply codes. */
import { errorInfo, MillraceError } from '../../core/errors.ts'

/** The reply code with which the broker closed a channel or a connection, or refused to open one; else undefined. */
export const replyCode = (thrown: unknown): number | undefined => {
  const code = (thrown as { readonly code?: unknown } | null | undefined)?.code
  if (typeof code === 'number') return code
  const { message } = errorInfo(thrown)
  const said = HANDSHAKE.exec(message)
  if (said) return Number(said[1])
  return message.startsWith('Expected ConnectionOpenOk; got <ConnectionClose') ? 530 : undefined
}

/** While a connection is opened amqplib has the broker's code in the text, and of a refused virtual host not even there. */
const HANDSHAKE = /Handshake terminated by server: (\d+)/

const ACCESS_REFUSED = 403

/** Trying again would end in the same way: this user may not, or what is there is not as it must be. */
export const isForGood = (thrown: unknown): boolean => {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 10; error = error.cause, depth += 1)
    if (replyCode(error) === ACCESS_REFUSED || (error instanceof MillraceError && error.fatal)) return true
  return false
}

/** The broker takes no message of this size: another one may well be taken. */
export const isTooLarge = (thrown: unknown): boolean =>
  /larger than (configured )?max size/.test(errorInfo(thrown).message)

interface Advice {
  readonly advice: string
  readonly fatal?: boolean
}

/** Of opening a connection. Who is refused by name and password will be so again; a virtual host may be made later. */
const CONNECTING: Readonly<Record<number, Advice>> = {
  403: { advice: 'the broker does not accept this user and password; check url, username and password', fatal: true },
  530: { advice: 'there is no such virtual host, or this user may not use it; create it, or correct url or vhost' },
}

const ON_A_CHANNEL: Readonly<Record<number, Advice>> = {
  311: { advice: 'the message is larger than the broker takes' },
  403: { advice: 'this user may not do that; allow it by `rabbitmqctl set_permissions`' },
  404: { advice: 'it does not exist; create it, or correct its name' },
  405: { advice: 'another connection has it for itself' },
}

/**
 * Where trying again cannot mend it the error is fatal. An error of ours stays as it is. `connecting`: it happened while
 * a connection was opened, where refusals mean the credentials.
 */
export const rabbitError = (
  code: 'SOURCE_FAILED' | 'SETTLE_FAILED' | 'SEND_FAILED',
  where: string,
  thrown: unknown,
  when: 'connecting' | 'on a channel' = 'on a channel',
): MillraceError => {
  if (thrown instanceof MillraceError) return thrown
  const known = (when === 'connecting' ? CONNECTING : ON_A_CHANNEL)[replyCode(thrown) ?? 0]
  const unreachable = when === 'connecting' && !known
  const advice = known?.advice ?? (unreachable ? 'the broker cannot be reached; check url, and tls' : undefined)
  const fatal = known?.fatal ?? false
  return new MillraceError(
    fatal && code === 'SOURCE_FAILED' ? 'SOURCE_FATAL' : code,
    `${where}: ${messageOf(thrown)}${advice === undefined ? '' : `; ${advice}`}`,
    { cause: thrown, fatal },
  )
}

/** Node's own errors for several addresses of one host have no message of their own. */
const messageOf = (thrown: unknown): string => {
  const { message, code, name } = errorInfo(thrown)
  return message === '' ? (code ?? name) : message
}
