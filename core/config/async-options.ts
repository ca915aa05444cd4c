/** The options of a function's asynchronous invocation. */
import type { Channel } from './channel.ts'
import { choice, duration, type OptionSpec, option, type Values, type Written, whole } from './option.ts'
import { group } from './options.ts'

const channels = (doc: string): OptionSpec<Channel | readonly Channel[], unknown> =>
  option({
    doc,
    takes: 'a channel, or a list of them',
    expected: 'a channel',
    default: undefined,
    defaultText: 'none',
    read: value => value,
  })

const options = {
  maxAttempts: whole({ min: 1, max: 1_000, default: 3, doc: 'Attempts of an event, the first one included.' }),
  maxAge: duration({ min: '1m', max: '30d', default: '6h', doc: 'An event that is older is not tried again.' }),
  retryDelay: duration({
    min: '1ms',
    max: '1h',
    default: '1m',
    doc: 'The wait before the second attempt; it doubles.',
  }),
  format: choice({
    of: ['lambda', 'millrace'],
    default: 'lambda',
    doc: "What destinations get: AWS's invocation record, or the answer, or dead letter, as a record of ours.",
  }),
  onSuccess: channels('Where answers go. Sent and confirmed before the event is done.'),
  onFailure: channels('Where events go that failed for good, beside the dead letters.'),
}

const asyncGroup = group({ doc: '', options })

type AsyncWritten = Written<typeof options>
export type AsyncValues = Values<typeof options>

/** `true`: with the defaults. */
export const asyncOption: OptionSpec<AsyncWritten | boolean, AsyncValues | undefined> = {
  ...asyncGroup,
  doc: '',
  default: undefined,
  parse: (value, path) => {
    if (value === false) return { value: undefined }
    return value === true ? { value: asyncGroup.default } : asyncGroup.parse(value, path, asyncGroup.default)
  },
}
