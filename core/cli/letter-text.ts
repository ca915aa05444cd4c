/** Dead letters as text. Pure; everything a record or a function said is made printable. */
import type { LetterSummary, StoredLetter } from '../../dlq/store.ts'
import { formatSize } from '../config/size.ts'
import type { Attempt, EventRecord } from '../contract.ts'
import { valueToJson } from '../values.ts'
import { age, count, cut, printable, printableLines, table } from './text.ts'

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

const SHOWN_BODY_BYTES = 64 * 1_024

/** Everything that is known of one letter. */
export const letterText = ({ summary, letter }: StoredLetter): string => {
  const { record } = letter
  const facts: readonly (readonly [string, string])[] = [
    ['id', summary.id],
    ['state', `${summary.state}${summary.replays > 0 ? ` · ${count(summary.replays, 'replay')} failed` : ''}`],
    ['mapping', `${letter.mapping} · group ${letter.group}`],
    ['function', `${letter.function.name} · version ${letter.function.version}`],
    ['reason', letter.reason],
    ['error', `${letter.error.name}: ${letter.error.message}`],
    ['parked', time(letter.parkedAt)],
    ['first seen', time(letter.firstSeen)],
    ['record', `${record.id} from ${record.source}`],
    ['produced', time(record.time)],
    ['key', keyText(record)],
    ...record.headers.map(([name, value]) => [`header ${name}`, JSON.stringify(valueToJson(value))] as const),
    ...(record.position ? [['position', JSON.stringify(record.position)] as const] : []),
  ]
  const attempts = letter.attempts.flatMap(attemptLines)
  return [
    ...table(facts),
    '',
    `body · ${bodyText(record)}`,
    '',
    letter.attempts.length === 0 ? 'no attempts were charged' : count(letter.attempts.length, 'attempt'),
    ...attempts,
  ].join('\n')
}

/** As JSON: bodies and keys of bytes as text where they are UTF-8, else in base64. */
export const letterJson = ({ summary, letter }: StoredLetter): string => {
  const { record } = letter
  const text = record.body === null ? null : utf8(record.body)
  const body = text === undefined ? { bodyBase64: base64(record.body) } : { body: text }
  const plain = {
    ...record,
    key: valueToJson(record.key),
    headers: record.headers.map(([name, value]) => [name, valueToJson(value)]),
    ...(record.properties ? { properties: valueToJson(record.properties) } : {}),
  }
  return JSON.stringify({ ...summary, ...letter, record: { ...plain, body: undefined, ...body } }, undefined, 2)
}

const attemptLines = ({ number, at, durationMs, error, logs = [] }: Attempt): readonly string[] => [
  `  ${number} · ${time(at)}${durationMs === undefined ? '' : ` · ${Math.round(durationMs)} ms`} · ${printable(`${error.name}: ${error.message}`)}`,
  ...indented(stackFrames(error.stack)),
  ...(logs.length === 0 ? [] : ['      last output:', ...indented(logs.join('\n'))]),
]

/** The stack without its first lines, which repeat the error. */
const stackFrames = (stack = ''): string => {
  const lines = stack.split('\n')
  const first = lines.findIndex(line => /^\s+at /.test(line))
  return first < 0
    ? ''
    : lines
        .slice(first)
        .map(line => line.trim())
        .join('\n')
}

const indented = (text: string): readonly string[] =>
  text === ''
    ? []
    : printableLines(text)
        .split('\n')
        .map(line => `      ${line}`)

const bodyText = ({ body }: EventRecord): string => {
  if (body === null) return 'none (tombstone)'
  const size = formatSize(body.length)
  const text = utf8(body.subarray(0, SHOWN_BODY_BYTES))
  const more =
    body.length > SHOWN_BODY_BYTES ? `\n… ${formatSize(body.length - SHOWN_BODY_BYTES)} more; --json shows all` : ''
  return text === undefined
    ? `${size}, not UTF-8, base64:\n${base64(body.subarray(0, SHOWN_BODY_BYTES))}${more}`
    : `${size}\n${printableLines(pretty(text))}${more}`
}

/** Undefined for bytes that are not UTF-8; half a character at a cut end is left out. */
const utf8 = (body: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body, {
      stream: body.length === SHOWN_BODY_BYTES,
    })
  } catch {
    return undefined
  }
}

/** JSON is shown indented, anything else as it is. */
const pretty = (text: string): string => {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2)
  } catch {
    return text
  }
}

const keyText = ({ key }: EventRecord): string =>
  key === null ? 'none' : typeof key === 'string' ? key : `base64 ${base64(key)}`

const base64 = (bytes: Uint8Array | null): string => (bytes === null ? '' : Buffer.from(bytes).toString('base64'))

const time = (ms: number): string => (Number.isFinite(ms) ? new Date(ms).toISOString() : String(ms))
