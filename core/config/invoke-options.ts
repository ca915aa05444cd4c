/** Where functions may be called over HTTP, as it is written. */
import { type OptionSpec, option, type Values, type Written, whole } from './option.ts'
import { parseOptions } from './options.ts'
import { type Problem, show } from './problem.ts'

const inside = {
  port: whole({ min: 0, max: 65_535, default: 9_001, doc: 'The port; 0 for any that is free.' }),
  host: option<string, string>({
    doc: 'The address it listens on. Whoever reaches it may call every function.',
    takes: 'an address',
    expected: 'an IP address or a name of this machine',
    default: '127.0.0.1',
    defaultText: '127.0.0.1',
    read: value => (typeof value === 'string' && value !== '' ? value : undefined),
  }),
}

export type InvokeValues = Values<typeof inside>

/** Not a group: what is not written at all is off. */
export const invokeOption: OptionSpec<Written<typeof inside>, InvokeValues | undefined> = {
  doc: 'Functions may be called over HTTP as on AWS Lambda (docs/invoke.md); `{}` for the defaults.',
  takes: 'an object',
  default: undefined,
  defaultText: 'off',
  inside,
  parse: (value, path) => parseOptions(inside, value, path),
}

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/

/** What is allowed and worth knowing. */
export const invokeNotices = (invoke: InvokeValues | undefined): readonly Problem[] =>
  !invoke || LOOPBACK.test(invoke.host)
    ? []
    : [{ path: 'invoke.host', message: `is ${show(invoke.host)}: whoever reaches it may call every function` }]
