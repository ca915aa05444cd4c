/** Dead letters as text. Pure; everything a record or a function said is made printable. */
import type {
  AuditEntry,
  Grouping,
  LetterGroup,
  LetterReplay,
  LetterSummary,
  StoredLetter,
} from '../../../dlq/store.ts'
import type { EventRecord } from '../../contract.ts'
import { valueToJson } from '../../values.ts'
import { age, count, cut, printable, table } from '../text.ts'
import { attemptLines } from './attempt-text.ts'
import { bodyText, utf8 } from './body-text.ts'

const ERROR_COLUMNS = 60

/** A line for each letter, the last parked first. */
export const lettersText = (letters: readonly LetterSummary[], now: number): string => {
  if (letters.length === 0) return 'no dead letters'
  const rows = letters.map(letter => [
    letter.id,
    letter.state,
    letter.mapping,
    letter.reason,
    letter.attempts,
    letter.replays,
    age(Math.max(now - letter.parkedAt, 0)),
    cut(`${letter.errorName}: ${letter.errorMessage}`, ERROR_COLUMNS),
  ])
  return table([['ID', 'STATE', 'MAPPING', 'REASON', 'ATTEMPTS', 'REPLAYS', 'PARKED', 'ERROR'], ...rows]).join('\n')
}

/** A line for each group. */
export const groupsText = (by: Grouping, groups: readonly LetterGroup[], now: number): string => {
  if (groups.length === 0) return 'no dead letters'
  const rows = groups.map(({ group, letters, firstAt, lastAt, errorName, errorMessage }) => [
    group,
    letters,
    age(Math.max(now - firstAt, 0)),
    age(Math.max(now - lastAt, 0)),
    ...(by === 'error' ? [cut(`${errorName}: ${errorMessage}`, ERROR_COLUMNS)] : []),
  ])
  const name = by === 'error' ? 'FINGERPRINT' : by.toUpperCase()
  return table([[name, 'LETTERS', 'FIRST', 'LAST', ...(by === 'error' ? ['ERROR'] : [])], ...rows]).join('\n')
}

export interface Shown {
  readonly body: 'text' | 'hex'
  readonly attempts: 'full' | 'differences'
}

/** Everything that is known of one letter. */
export const letterText = (
  { summary, letter, history }: StoredLetter,
  audit: readonly AuditEntry[],
  how: Shown,
): string => {
  const { record } = letter
  const facts: readonly (readonly [string, string])[] = [
    ['id', summary.id],
    ['state', stateText(summary)],
    ...(summary.note === undefined ? [] : [['note', summary.note] as const]),
    ['mapping', `${letter.mapping} · group ${letter.group}`],
    ['function', `${letter.function.name} · version ${letter.function.version}`],
    ['reason', letter.reason],
    ['error', `${letter.error.name}: ${letter.error.message}`],
    ['fingerprint', summary.fingerprint],
    ['parked', parkedText(summary)],
    ['first seen', time(letter.firstSeen)],
    ['record', `${record.id} from ${record.source}${letter.kind === undefined ? '' : ` (${letter.kind})`}`],
    ...(letter.adoptedFrom === undefined ? [] : [['adopted from', letter.adoptedFrom] as const]),
    ...(letter.editOf === undefined ? [] : [['edited from', letter.editOf] as const]),
    ['produced', time(record.time)],
    ['key', keyText(record)],
    ...record.headers.map(([name, value]) => [`header ${name}`, headerText(value)] as const),
    ...(record.position ? [['position', JSON.stringify(record.position)] as const] : []),
  ]
  return [
    ...table(facts),
    '',
    `body · ${bodyText(record, how.body)}`,
    '',
    letter.attempts.length === 0 ? 'no attempts were charged' : count(letter.attempts.length, 'attempt'),
    ...attemptLines(letter.attempts, how.attempts),
    ...historyLines(history),
    ...auditLines(audit),
  ].join('\n')
}

/** As JSON: bodies and keys of bytes as text where they are UTF-8, else in base64. */
export const letterJson = ({ summary, letter, history }: StoredLetter): string => {
  const { record } = letter
  const text = record.body === null ? null : utf8(record.body)
  const body = text === undefined ? { bodyBase64: base64(record.body) } : { body: text }
  const plain = {
    ...record,
    key: valueToJson(record.key),
    headers: record.headers.map(([name, value]) => [name, valueToJson(value)]),
    ...(record.properties ? { properties: valueToJson(record.properties) } : {}),
  }
  return JSON.stringify(
    { ...summary, ...letter, history, record: { ...plain, body: undefined, ...body } },
    undefined,
    2,
  )
}

const stateText = ({ state, replays, job }: LetterSummary): string =>
  [
    state,
    ...(replays > 0 ? [`${count(replays, 'replay')} failed`] : []),
    ...(job === undefined ? [] : [`in replay ${job}`]),
  ].join(' · ')

const parkedText = ({ parkedAt, firstParkedAt }: LetterSummary): string =>
  parkedAt === firstParkedAt ? time(parkedAt) : `${time(parkedAt)} · first ${time(firstParkedAt)}`

const historyLines = (history: readonly LetterReplay[]): readonly string[] =>
  history.length === 0
    ? []
    : [
        '',
        count(history.length, 'replay'),
        ...history.map(({ job, at, outcome, message, operator, reason }) =>
          printable(
            ['', job || 'by hand', time(at), outcome, operator, reason, message ?? '']
              .filter((part, index) => index === 0 || part !== '')
              .join(' · ')
              .replace(/^ · /, '  '),
          ),
        ),
      ]

const auditLines = (audit: readonly AuditEntry[]): readonly string[] =>
  audit.length === 0
    ? []
    : [
        '',
        'audit',
        ...audit.map(({ at, action, operator, reason, detail }) =>
          printable(`  ${[time(at), action, operator, reason, detail].filter(part => part !== '').join(' · ')}`),
        ),
      ]

/** Kafka's headers are bytes, and mostly text. */
const headerText = (value: EventRecord['headers'][number][1]): string => {
  const text = value instanceof Uint8Array ? utf8(value) : undefined
  return JSON.stringify(text ?? valueToJson(value))
}

const keyText = ({ key }: EventRecord): string =>
  key === null ? 'none' : typeof key === 'string' ? key : `base64 ${base64(key)}`

const base64 = (bytes: Uint8Array | null): string => (bytes === null ? '' : Buffer.from(bytes).toString('base64'))

export const time = (ms: number): string => (Number.isFinite(ms) ? new Date(ms).toISOString() : String(ms))
