/**
 * A subscription that is there whenever there is a connection. The client's own way of renewing it would break the
 * process when the connection breaks once more meanwhile, and tell nobody when the server refuses: so it is done here.
 */
import type { Cancel } from '../../core/clock.ts'
import { errorInfo } from '../../core/errors.ts'
import type { RedisClient } from './connection.ts'
import type { RedisPlace } from './place.ts'

export interface Subscriber {
  isListening(): boolean
  /** Why the server does not let us listen, where it does not. */
  refusal(): unknown
  close(): void
}

export interface SubscriberTools {
  readonly place: RedisPlace
  readonly client: RedisClient
  readonly address: string
  /** A channel or a pattern. */
  readonly name: string
  readonly how: 'SUBSCRIBE' | 'PSUBSCRIBE'
  onPublished(channel: string, body: Uint8Array): void
  /** It listens, or does no more. */
  onChange(): void
}

/** A subscriber only hears: whether the server is still there is asked so often. */
const PING_EVERY_MS = 5_000
const PING_PATIENCE_MS = 10_000

export const createSubscriber = (tools: SubscriberTools): Subscriber => {
  const { place, client, address, name, how, onPublished, onChange } = tools
  const { clock, log } = place
  const { raw } = client
  let state: 'open' | 'closed' = 'open'
  let listening: 'no' | 'yes' = 'no'
  let refusal: unknown
  let deafSince: number | undefined
  let cancelPing: Cancel = () => {}
  let cancelPatience: Cancel = () => {}

  const listen = async (): Promise<void> => {
    try {
      await (how === 'PSUBSCRIBE' ? raw.psubscribe(name) : raw.subscribe(name))
    } catch (error) {
      // A connection that broke comes back and listens anew; one that stands was refused.
      if (raw.status === 'ready') refusal = error
      onChange()
      return
    }
    refusal = undefined
    listening = 'yes'
    if (deafSince !== undefined)
      log.warn(`${address}: listens again; what was published meanwhile is gone, as Redis keeps it for nobody`, {
        missedMs: Math.round(clock.monotonic() - deafSince),
      })
    deafSince = undefined
    onChange()
  }
  const onClose = (): void => {
    if (listening === 'yes') deafSince = clock.monotonic()
    listening = 'no'
    onChange()
  }
  const onReady = (): void => void listen()
  const onMessage = (channel: Buffer, body: Buffer): void => onPublished(channel.toString(), body)
  const onPatternMessage = (_pattern: string, channel: Buffer, body: Buffer): void => onMessage(channel, body)

  const ping = async (): Promise<void> => {
    if (listening === 'no') return
    cancelPatience = clock.after(PING_PATIENCE_MS, () => {
      log.warn(`${address}: the server has not answered for ${PING_PATIENCE_MS} ms; the connection is made anew`)
      raw.disconnect(true)
    })
    try {
      await raw.ping()
    } catch (error) {
      log.debug(`${address}: a ping was not answered`, { error: errorInfo(error) })
    } finally {
      cancelPatience()
    }
  }
  const keepPinging = (): void => {
    cancelPing = clock.after(PING_EVERY_MS, () => void ping().then(() => state === 'open' && keepPinging()))
  }

  raw.on('messageBuffer', onMessage)
  raw.on('pmessageBuffer', onPatternMessage)
  raw.on('ready', onReady)
  raw.on('close', onClose)
  if (client.isReady()) onReady()
  // A Cluster's client listens on a connection of its own choosing, which it watches itself.
  if (!client.isCluster) keepPinging()
  return {
    isListening: () => listening === 'yes',
    refusal: () => refusal,
    close() {
      state = 'closed'
      cancelPing()
      cancelPatience()
      for (const [event, listener] of [
        ['messageBuffer', onMessage],
        ['pmessageBuffer', onPatternMessage],
        ['ready', onReady],
        ['close', onClose],
      ] as const)
        raw.off(event, listener as () => void)
      client.close()
    },
  }
}
