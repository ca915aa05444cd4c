/** The options at the top of a configuration. */
import { idempotencyTopOption } from './idempotency-options.ts'
import { invokeOption } from './invoke-options.ts'
import { lettersTopOption, stateOption } from './letter-options.ts'
import { choice, type OptionSpec, option, size, whole } from './option.ts'
import { slotsOption } from './slots-option.ts'

/** Names stand in groups, file names, metrics and on command lines. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/

export const NAME_EXPECTED = '1 to 100 letters, digits, "_", "-" or ".", starting with a letter or digit'

export const isName = (value: unknown): value is string => typeof value === 'string' && NAME.test(value)

/** What only says where something is declared: its entries are checked one by one. */
const entries = (doc: string, takes: string): OptionSpec =>
  option({ doc, takes, expected: takes, default: undefined, defaultText: 'none', read: value => value })

/** Every option at the top. */
export const appOptions = {
  name: option<string, string>({
    doc: 'The name of the app in consumer groups, idempotency keys and metrics. Changing it starts new groups.',
    takes: NAME_EXPECTED,
    expected: NAME_EXPECTED,
    default: '',
    defaultText: 'required',
    read: value => (isName(value) ? value : undefined),
  }),
  stateDir: option<string, string>({
    doc: 'The folder of the embedded broker, dead letters and attempts, relative to the configuration.',
    takes: 'a folder',
    expected: 'the path of a folder',
    default: '.millrace',
    defaultText: '.millrace',
    read: value => (typeof value === 'string' && value !== '' ? value : undefined),
  }),
  state: stateOption,
  slots: slotsOption,
  maxInFlightBytes: size({
    min: '1 MB',
    max: '1024 GB',
    default: '256 MB',
    doc: 'Bodies claimed and not yet settled at most, over all mappings.',
  }),
  maxEnvironments: whole({
    min: 1,
    max: 10_000,
    default: 1_000,
    doc: 'Environments at once over all functions. Where they run out, functions share them evenly.',
  }),
  cpuShares: choice({
    of: ['off', 'on'],
    default: 'off',
    doc: '`on`: after Init a function has CPU by its memory, 1,769 MB a core, as on Lambda; `millrace status` says by which means. `off`: all there is.',
  }),
  zygotes: whole({
    min: 0,
    max: 100,
    default: 1,
    doc: 'Blank processes kept for each kind (memory, Node options) that functions need, so that a cold start costs only the import. One has about 13 MB to itself. 0: none.',
  }),
  invoke: invokeOption,
  idempotency: idempotencyTopOption,
  deadLetters: lettersTopOption,
  defaults: entries('Options of mappings for all of them; a mapping may still say otherwise.', 'options of a mapping'),
  functions: entries('The functions by name: a path, or an object of options.', 'functions by name'),
  mappings: entries('The mappings by name.', 'mappings by name'),
  channels: entries(
    'Channels that are only sent to. Those that mappings read or park to are known anyhow.',
    'a list of channels',
  ),
  doors: entries('Ways in: what comes over them is sent to the channel behind them.', 'a list of doors'),
}
