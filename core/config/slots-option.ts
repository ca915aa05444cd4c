/** The option `slots`: where it is written down which slots of schedules are done. */
import type { ConnectionValue } from './channel.ts'
import { type OptionSpec, option } from './option.ts'
import { isPlainObject } from './options.ts'

/** Connections that can keep slots. */
const KEEPERS = ['redis', 'postgres'] as const

type SlotKeeper = ConnectionValue<(typeof KEEPERS)[number]>

export const slotsOption: OptionSpec<SlotKeeper, SlotKeeper | undefined> = option({
  doc: 'Where the slots of schedules are kept, so that each is run once by several machines: a Redis or PostgreSQL connection.',
  takes: 'a connection',
  expected: "a Redis or PostgreSQL connection, like redis('cache')",
  default: undefined,
  defaultText: '`state`, else `stateDir`',
  read: value =>
    isPlainObject(value) &&
    KEEPERS.some(kind => kind === value.kind) &&
    isPlainObject(value.options) &&
    !('address' in value)
      ? (value as unknown as SlotKeeper)
      : undefined,
})
