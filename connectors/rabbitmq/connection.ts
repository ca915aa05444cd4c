/**
 * One AMQP connection, shared by all that a Connection opens on it: made when it is first asked for, made anew when it has
 * gone and is asked for again. Two of them are open at most, since a broker that is short of memory or disk stops reading
 * from connections that publish: acknowledgements on the same one would be stuck behind.
 *
 *   opened() ─▶ connecting ─▶ open ─▶ gone        one `Opened` for each; `gone` aborts
 *                  ▲ pauses     │
 *                  └── opened() ┘
 */
import type { ChannelModel, Options, SocketOptions } from 'amqplib'
import { connect } from 'amqplib'
import { type Clock, sleep } from '../../core/clock.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { untilReachable } from '../../core/reconnect.ts'
import { unlessGone } from './amqp.ts'
import { rabbitError } from './failure.ts'

/** Where a broker is and how it is spoken to, as amqplib takes it. */
export interface Endpoint {
  readonly url: Options.Connect
  readonly socket: SocketOptions
}

/** One life of the connection. Channels are opened by `openChannel` of amqp.ts. */
export interface Opened {
  readonly model: ChannelModel
  readonly server: BrokerVersion
  /** Aborted when the connection is gone; the reason is a MillraceError. */
  readonly gone: AbortSignal
  /** Why the broker takes nothing to publish at this moment; undefined: it does. */
  blocked(): string | undefined
  /** Resolves once the broker takes what is published, or the connection is gone. */
  unblocked(): Promise<void>
}

export interface BrokerVersion {
  /** 'RabbitMQ', or what else speaks AMQP 0-9-1. */
  readonly product: string
  /** As the broker says it, like '3.10.8'; empty where it does not. */
  readonly version: string
}

export interface Link {
  /**
   * The connection that is open, else the next one. Rejects with a fatal error when the broker refuses these credentials,
   * with why it cannot be reached after `withinMs` (it is tried on, so that the next who asks need not wait), and when
   * the link is closed.
   */
  opened(withinMs: number): Promise<Opened>
  /** Closes the connection in order; nothing is opened afterwards. May be called twice. */
  close(): Promise<void>
}

export interface LinkTools {
  readonly clock: Clock
  readonly log: Log
  /** As logs and errors call it: `rabbit (reading)`. */
  readonly name: string
  /** Tried in turn, 1 or more. */
  readonly endpoints: readonly Endpoint[]
}

/** A connection that is made and lost at once, or refused for good, is not made more often than this. */
const BETWEEN_CONNECTS_MS = 1_000
/** How long a broker may take to answer the close of a connection. */
const CLOSE_MS = 2_000

interface State {
  current: Opened | undefined
  connecting: Promise<Opened> | undefined
  /** The last error of connecting, for those who cannot wait. */
  lastError: MillraceError | undefined
  connectedAtMs: number
  readonly closed: AbortController
  closing: Promise<void> | undefined
}

export const createLink = (tools: LinkTools): Link => {
  const state: State = {
    current: undefined,
    connecting: undefined,
    lastError: undefined,
    connectedAtMs: Number.NEGATIVE_INFINITY,
    closed: new AbortController(),
    closing: undefined,
  }
  return {
    async opened(withinMs) {
      if (state.closed.signal.aborted) throw state.closed.signal.reason
      if (state.current) return state.current
      state.connecting ??= connecting(tools, state)
      return atMost(tools, state, withinMs, state.connecting)
    },
    close() {
      state.closing ??= close(tools, state)
      return state.closing
    },
  }
}

const connecting = async (tools: LinkTools, state: State): Promise<Opened> => {
  const { log, name, endpoints } = tools
  const { signal } = state.closed
  try {
    return await untilReachable({ what: `connecting to ${name}`, log, signal }, async number => {
      await spacing(tools, state)
      const endpoint = endpoints[(number - 1) % endpoints.length] as Endpoint
      return await connectTo(tools, state, endpoint)
    })
  } finally {
    state.connecting = undefined
  }
}

const spacing = async ({ clock }: LinkTools, state: State): Promise<void> => {
  const waitMs = state.connectedAtMs + BETWEEN_CONNECTS_MS - clock.monotonic()
  if (waitMs > 0) await sleep(clock, waitMs, state.closed.signal)
  state.connectedAtMs = clock.monotonic()
}

const connectTo = async (tools: LinkTools, state: State, endpoint: Endpoint): Promise<Opened> => {
  const { name, log } = tools
  try {
    const opened = watched(await dial(endpoint, state.closed.signal), name, log)
    state.current = opened
    opened.gone.addEventListener('abort', () => {
      if (state.current === opened) state.current = undefined
    })
    state.lastError = undefined
    return opened
  } catch (thrown) {
    state.lastError = rabbitError('SOURCE_FAILED', `connecting to ${name}`, thrown, 'connecting')
    throw state.lastError
  }
}

/** A handshake that nobody answers ends with the signal, not only with its own timeout. */
const dial = async ({ url, socket }: Endpoint, signal: AbortSignal): Promise<ChannelModel> => {
  const dialling = new AbortController()
  const end = (): void => dialling.abort()
  signal.addEventListener('abort', end, { once: true })
  try {
    signal.throwIfAborted()
    // Handed on to Node's socket, which knows it; amqplib's types do not.
    const cancellable: SocketOptions & { readonly signal: AbortSignal } = { ...socket, signal: dialling.signal }
    return await connect({ ...url }, cancellable)
  } finally {
    signal.removeEventListener('abort', end)
  }
}

const watched = (model: ChannelModel, name: string, log: Log): Opened => {
  const gone = new AbortController()
  let blockedBy: string | undefined
  let unblocked = Promise.withResolvers<void>()
  const free = (): void => {
    blockedBy = undefined
    unblocked.resolve()
  }
  // Without a listener amqplib's errors would end the process; 'close' comes after each, and says the same.
  model.on('error', () => {})
  model.on('close', error => {
    if (error && !isOrderly(error)) destroySocket(model)
    free()
    const how = error ? error.message : 'closed by us'
    gone.abort(new MillraceError('SOURCE_FAILED', `the connection to ${name} is gone: ${how}`, { cause: error }))
  })
  model.on('blocked', reason => {
    log.warn(`${name} takes nothing to publish at this moment: ${reason}`)
    if (blockedBy === undefined) unblocked = Promise.withResolvers()
    blockedBy = reason
  })
  model.on('unblocked', () => {
    log.info(`${name} takes what is published again`)
    free()
  })
  const { product = '', version = '' } = model.connection.serverProperties as Partial<BrokerVersion>
  return {
    model,
    server: { product, version },
    gone: gone.signal,
    blocked: () => blockedBy,
    unblocked: async () => (blockedBy === undefined ? undefined : unblocked.promise),
  }
}

/** The broker said goodbye, and closes the socket itself. */
const isOrderly = (error: Error): boolean => typeof (error as { readonly code?: unknown }).code === 'number'

/**
 * amqplib only ends its side: a peer that does not answer would keep the socket, and the process, for many minutes. Of a
 * socket that is destroyed it notices only the error; without one its heartbeats would go on.
 */
const destroySocket = (model: ChannelModel): void => {
  const { stream } = model.connection as unknown as { readonly stream?: { destroy(error: Error): void } }
  stream?.destroy(new Error('the socket was cut by us'))
}

const atMost = async <Value>(
  { clock, name }: LinkTools,
  state: State,
  ms: number,
  work: Promise<Value>,
): Promise<Value> => {
  const late = new AbortController()
  const cancel = clock.after(ms, () => {
    const said =
      state.lastError ?? new MillraceError('SOURCE_FAILED', `connecting to ${name} takes longer than ${ms} ms`)
    late.abort(said)
  })
  try {
    return await unlessGone(late.signal, work)
  } finally {
    cancel()
  }
}

const close = async ({ clock, name, log }: LinkTools, state: State): Promise<void> => {
  state.closed.abort(new MillraceError('APP_STATE', `the connection ${name} is closed`))
  // One that was opened in this moment is the current one by then.
  await state.connecting?.catch(() => undefined)
  const opened = state.current
  if (!opened) return
  const { model, gone } = opened
  await new Promise<void>(resolve => {
    const cancel = clock.after(CLOSE_MS, () => {
      log.warn(`${name} has not answered the close of its connection; it is cut`)
      destroySocket(model)
      resolve()
    })
    const end = (): void => {
      cancel()
      resolve()
    }
    gone.addEventListener('abort', end, { once: true })
    // A blocked connection is closed without an answer; one that went in between has nothing left to close.
    model.close().then(end, end)
  })
}
