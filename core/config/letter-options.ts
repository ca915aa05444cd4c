/** The options `state` and `deadLetters` at the top: where dead letters are kept, for how long, and what may be done to them. */
import { alertsOption } from './alert-options.ts'
import type { Channel, ConnectionValue } from './channel.ts'
import { choice, duration, type OptionSpec, option, type Values, whole } from './option.ts'
import { group, isPlainObject } from './options.ts'

export type StateConnection = ConnectionValue<'postgres'>

export const stateOption: OptionSpec<StateConnection, StateConnection | undefined> = option({
  doc: 'Where dead letters, attempts and replays are kept that several machines share: a PostgreSQL connection (docs/dead-letters.md). The slots of schedules are there as well; the embedded broker stays in `stateDir`.',
  takes: 'a connection',
  expected: "a PostgreSQL connection, like postgres('state', { … })",
  default: undefined,
  defaultText: '`stateDir`',
  read: value =>
    isPlainObject(value) && value.kind === 'postgres' && isPlainObject(value.options) && !('address' in value)
      ? (value as unknown as StateConnection)
      : undefined,
})

type Adopted = Channel | readonly Channel[]

const options = {
  maxReplays: whole({
    min: 1,
    max: 1_000,
    default: 5,
    doc: 'A letter whose replays failed so often is quarantined: it is replayed only after `millrace dlq restore`.',
  }),
  keepResolved: duration({
    min: '1m',
    max: '3650d',
    default: '7d',
    doc: 'How long a letter that was replayed with success can still be shown.',
  }),
  keepArchived: duration({
    min: '1m',
    max: '3650d',
    default: '30d',
    doc: 'How long an archived letter can be restored.',
  }),
  expireAfter: duration({
    min: '1h',
    max: '3650d',
    doc: 'Letters that nobody resolved are removed so long after they were parked last. Left out, they stay.',
  }),
  adopt: option<Adopted, Adopted | undefined>({
    doc: 'Channels with dead letters that other systems made, which are taken in and can be replayed to where they came from (docs/dead-letters.md).',
    takes: 'a channel, or several',
    expected: 'a channel, or a list of channels',
    default: undefined,
    defaultText: 'none',
    read: value => value as Adopted,
  }),
  alerts: alertsOption,
  edit: choice({
    of: ['off', 'on'],
    default: 'off',
    doc: 'Whether `millrace dlq edit` may replay a changed copy of a record.',
  }),
}

export type LetterValues = Values<typeof options>

export const lettersTopOption = group({ doc: '', options })
