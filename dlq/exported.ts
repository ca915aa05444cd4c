/**
 * A letter as one line of JSON, with what the store knows of it: what `millrace dlq export` writes and docs/dead-letters.md
 * describes. The other way round nothing is taken on trust: a line may be anybody's.
 */
import type { DeadLetter } from '../core/contract.ts'
import { errorInfo, MillraceError } from '../core/errors.ts'
import { decodeLetter, encodeLetter } from './envelope.ts'
import { isLetterId, typedLetterId } from './letter-id.ts'
import { problemOf } from './schema.ts'
import type { ExportedLetter, LetterState, StoredLetter } from './store.ts'

export const exportLetter = ({ summary, letter, history }: StoredLetter): string => {
  const { id, state, fingerprint, replays, note, firstParkedAt } = summary
  const failures = letter.attempts.map(({ at }) => at)
  return JSON.stringify({
    ...JSON.parse(encodeLetter(letter)),
    id,
    state,
    fingerprint,
    replays,
    firstParkedAt,
    ...(failures.length === 0 ? {} : { firstFailedAt: Math.min(...failures), lastFailedAt: Math.max(...failures) }),
    ...(note === undefined ? {} : { note }),
    history,
  })
}

/** Throws DEAD_LETTER_UNREADABLE, saying what about the line is wrong. */
export const importLetter = (line: string): ExportedLetter => {
  const json = parse(line)
  const problem = problemOf(json)
  if (problem !== undefined) throw unreadable(problem)
  const { id, state, replays, note } = json as ExportedParts
  if (!isLetterId(typedLetterId(id))) throw unreadable(`id must be that of a dead letter, got ${JSON.stringify(id)}`)
  const letter = letterOf(json as object)
  return { id: typedLetterId(id), state, letter, replays, ...(note === undefined ? {} : { note }) }
}

/** What the store adds, which is not part of a letter. */
const ADDED = [
  'id',
  'state',
  'fingerprint',
  'replays',
  'note',
  'history',
  'firstParkedAt',
  'firstFailedAt',
  'lastFailedAt',
]

const letterOf = (json: object): DeadLetter => {
  const envelope = Object.fromEntries(Object.entries(json).filter(([name]) => !ADDED.includes(name)))
  const letter = decodeLetter(JSON.stringify(envelope))
  const { key, body, headers } = letter.record
  if (body !== null && !(body instanceof Uint8Array)) throw unreadable('record.body must be {"$bytes": …} or null')
  if (key !== null && typeof key !== 'string' && !(key instanceof Uint8Array))
    throw unreadable('record.key must be text, {"$bytes": …} or null')
  if (headers.some(([name]) => typeof name !== 'string')) throw unreadable('the name of a header must be text')
  return letter
}

interface ExportedParts {
  readonly id: string
  readonly state: LetterState
  readonly replays: number
  readonly note?: string
}

const parse = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw unreadable(`it is not JSON: ${errorInfo(error).message}`)
  }
}

const unreadable = (what: string): MillraceError =>
  new MillraceError('DEAD_LETTER_UNREADABLE', `this is no exported dead letter: ${what}`)
