/** Edit and replay: a changed copy of a letter takes its place and runs. */
import type { LetterStore, StoredLetter } from '../dlq/store.ts'
import type { ResolvedConfig } from './config/resolved.ts'
import type { DeadLetter, EventRecord, Header } from './contract.ts'
import { MillraceError } from './errors.ts'
import { bodyCheck } from './event/check-body.ts'
import { letterNotFound, whom } from './letters.ts'
import type { EditAnswer, LetterEdit } from './letters-contract.ts'

export const editAndReplay = async (
  store: LetterStore,
  config: Pick<ResolvedConfig, 'channels' | 'deadLetters'>,
  id: string,
  { body, headers, ...by }: LetterEdit,
): Promise<EditAnswer> => {
  if (config.deadLetters.edit === 'off')
    throw refused(id, "editing is off; write deadLetters: { edit: 'on' } in the configuration to allow it")
  const stored = await store.get(id)
  if (!stored) throw letterNotFound(id)
  const { record } = stored.letter
  const edited = { ...record, ...(body === undefined ? {} : { body }), headers: withHeaders(record.headers, headers) }
  const channel = config.channels.get(record.source)
  const problem = channel && (await bodyCheck(channel)(edited.body))
  if (problem) throw refused(id, `the edited body is not one for ${record.source}: ${problem.message}`)
  const successor = await store.edit(stored.summary.id, copyOf(stored, edited), whom(by))
  if (successor === undefined)
    throw refused(id, `it is ${stored.summary.state}; open and quarantined ones can be edited`)
  const { job } = await store.startReplay({ selection: { ids: [successor] } }, whom(by))
  // Somebody was quicker, and has the copy replayed already.
  return { id: successor, job: job ?? (await store.get(successor))?.summary.job ?? '' }
}

/** Why it is here stays with it; what was tried was another body. */
const copyOf = ({ letter, summary }: StoredLetter, record: EventRecord): DeadLetter => {
  const { replayOf: _, ...kept } = letter
  return { ...kept, record: { ...record, id: `${record.id}~${summary.id}` }, attempts: [] }
}

const withHeaders = (headers: readonly Header[], changes: LetterEdit['headers'] = {}): readonly Header[] => [
  ...headers.filter(([name]) => !Object.hasOwn(changes, name)),
  ...Object.entries(changes).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const])),
]

const refused = (id: string, why: string): MillraceError =>
  new MillraceError('DEAD_LETTER_REFUSED', `the dead letter ${JSON.stringify(id)} is not edited: ${why}`)
