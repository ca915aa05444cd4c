/** A receiver of CloudEvents over HTTP, as Knative has them: places to send to, and to park copies of dead letters at. */
import type { ConnectionValue, DeclareChannel } from '../../core/config/channel.ts'
import { channelValue, type WrittenChannel } from '../../core/config/channel-value.ts'
import { duration, isText, option, text, type Written } from '../../core/config/option.ts'
import type { SecretRef } from '../../core/config/secret.ts'

type Text = string | SecretRef
type Texts = Readonly<Record<string, Text>>

const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/

const isTexts = (value: unknown): value is Texts =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.entries(value).every(([name, inner]) => HEADER_NAME.test(name) && isText(inner))

/** The options of a receiver and of what is sent to it, each once. */
export const cloudEventsOptions = {
  connection: {
    url: text({ doc: 'Where events are posted to.', otherwise: 'required' }),
    headers: option<Texts, Texts>({
      doc: 'Sent with every event: authorization, for example.',
      takes: 'texts, `env()` or `file()` by name',
      expected: 'an object of texts, env() or file(), by the names of headers',
      default: {},
      defaultText: 'none',
      read: value => (isTexts(value) ? value : undefined),
    }),
    timeout: duration({
      min: '100ms',
      max: '5m',
      default: '10s',
      doc: 'How long the receiver may take to answer; then the record counts as not confirmed.',
    }),
  },
  channels: {
    event: {
      source: text({
        doc: 'The attribute `source`, a URI reference.',
        otherwise: 'that of the CloudEvent the record came as, else `/` and the address of the channel',
      }),
      contentType: text({
        doc: 'The media type of bodies, where no header `content-type` of the record says it.',
        otherwise: 'by the codec: `application/json`, `text/plain; charset=utf-8`, else `application/octet-stream`',
      }),
    },
  },
}

/** A receiver of CloudEvents. */
export interface CloudEventsConnection extends ConnectionValue<'cloudevents'> {
  /** Events of one `type`: what `send`, `deadLetters.to` and a replay may name. Nothing can be read from it. */
  readonly event: DeclareChannel<Written<typeof cloudEventsOptions.channels.event>, 'shared'>
}

/** A receiver under a name. Nothing is sent before somebody sends. */
export const cloudEvents = (
  name: string,
  options: Written<typeof cloudEventsOptions.connection> & { readonly url: Text },
): CloudEventsConnection => {
  const connection: ConnectionValue<'cloudevents'> = {
    kind: 'cloudevents',
    name,
    options: { ...options },
    declares: cloudEventsOptions,
  }
  return {
    ...connection,
    event: ((type: string, written: WrittenChannel = {}) =>
      channelValue(
        connection,
        type,
        { contentType: contentTypeOf(written.codec), ...written },
        { type: 'event', ordered: false, positioned: false },
      )) as CloudEventsConnection['event'],
  }
}

const contentTypeOf = (codec: WrittenChannel['codec'] = 'json'): string => {
  if (codec === 'json') return 'application/json'
  return codec === 'text' ? 'text/plain; charset=utf-8' : 'application/octet-stream'
}
