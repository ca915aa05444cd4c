/** Receivers of CloudEvents: a connection is one URL, and keeps nothing open but what fetch does. */
import { type Duration, parseDuration } from '../../core/config/duration.ts'
import { reveal, type Secret } from '../../core/config/secret.ts'
import type { Connector, Sink } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { createSink, type Receiver } from './sink.ts'

export interface CloudEventsSettings {
  readonly url?: string | Secret
  readonly headers?: Readonly<Record<string, string | Secret>>
  readonly timeout?: Duration
}

const TIMEOUT_MS = 10_000

export const cloudEventsConnector: Connector<CloudEventsSettings> = {
  kind: 'cloudevents',
  async connect(name, settings, context) {
    const receiver = receiverOf(name, settings)
    const sinks = new Set<Sink>()
    return {
      async openSource({ address }) {
        throw new MillraceError(
          'SOURCE_FAILED',
          `${address}: nothing can be read from a receiver of CloudEvents; take events in by a route or door of millrace/http`,
          { fatal: true },
        )
      },
      async openSink(channel) {
        const sink = createSink(context, receiver, channel)
        sinks.add(sink)
        return sink
      },
      // It is asked nothing: an event that nobody sent would have to be one.
      check: async () => [],
      async close() {
        await Promise.all([...sinks].map(sink => sink.close()))
      },
    }
  },
}

/** The URL may hold a secret, so it is not said. */
const receiverOf = (name: string, { url, headers = {}, timeout }: CloudEventsSettings): Receiver => {
  const written = url === undefined ? '' : reveal(url)
  if (!/^https?:$/.test(URL.parse(written)?.protocol ?? ''))
    throw new MillraceError('CONFIG_INVALID', `connections.${name}.url must be an http or https URL`, { fatal: true })
  return {
    url: written,
    headers: Object.fromEntries(Object.entries(headers).map(([header, value]) => [header, reveal(value)])),
    timeoutMs: (timeout === undefined ? undefined : parseDuration(timeout)) ?? TIMEOUT_MS,
  }
}
