/**
 * Reads what a function answers in format `lambda`, with AWS's leniency: whatever has no list of failures is a success.
 * A list that is not right fails the whole batch, as on AWS.
 */
import type { BatchItemFailure } from '../../function/answer.ts'
import type { ForeignAnswer, Member, Shape } from '../shape.ts'

export interface AwsAnswers {
  /** The name of a record in an `itemIdentifier`, as {@link Member} has it; undefined for what is none. */
  readonly readName: (identifier: unknown) => string | undefined
  /** What a name must be, for messages. */
  readonly expected: string
  /**
   * `named`: those named failed, the others are done. `from-lowest`: the first of each sequence that is named failed, and
   * what is behind it was not done: AWS starts again from there, so functions stop there and name no other.
   */
  readonly failed: 'named' | 'from-lowest'
}

const SUCCESS: ForeignAnswer = { ok: true, value: undefined }

/** For what AWS invokes asynchronously: nobody waits for an answer. */
export const ignoredAnswer: Shape['readAnswer'] = () => SUCCESS

export const awsAnswer =
  (answers: AwsAnswers): Shape['readAnswer'] =>
  (value, members) => {
    const list = listOf(value)
    if (list === undefined || list === null) return SUCCESS
    if (!Array.isArray(list)) return wrong(`batchItemFailures is ${show(list)}; expected a list`)
    if (list.length === 0) return SUCCESS
    const byName = Map.groupBy(members, member => member.name)
    const failed = new Set<Member>()
    for (const [index, entry] of list.entries()) {
      const where = `batchItemFailures[${index}]`
      const identifier: unknown = isObject(entry) ? entry.itemIdentifier : undefined
      const name = answers.readName(identifier)
      if (name === undefined)
        return wrong(`${where} is ${show(entry)}; expected { itemIdentifier }, ${answers.expected}`)
      const [member, another] = byName.get(name) ?? []
      if (!member)
        return wrong(`${where}.itemIdentifier ${show(identifier)} is not in the event; expected ${answers.expected}`)
      if (another)
        return wrong(`${where}.itemIdentifier ${show(identifier)} is ambiguous: several records of the event have it`)
      failed.add(member)
    }
    const failures =
      answers.failed === 'named' ? [...failed].map(({ id }) => ({ itemIdentifier: id })) : fromLowest(members, failed)
    return { ok: true, value: { batchItemFailures: failures } }
  }

const listOf = (value: unknown): unknown => (isObject(value) ? value.batchItemFailures : undefined)

const fromLowest = (members: readonly Member[], failed: ReadonlySet<Member>): readonly BatchItemFailure[] => {
  const stopped = new Set<string>()
  return members.flatMap((member): BatchItemFailure[] => {
    if (stopped.has(member.sequence)) return [{ itemIdentifier: member.id, untried: true }]
    if (!failed.has(member)) return []
    stopped.add(member.sequence)
    return [{ itemIdentifier: member.id }]
  })
}

const wrong = (problem: string): ForeignAnswer => ({ ok: false, problem: `the function's answer: ${problem}` })

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const SHOWN_CHARS = 120

/** Never throws: what JSON cannot carry is told by its kind. */
const show = (value: unknown): string => {
  try {
    const text = JSON.stringify(value) ?? typeof value
    return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text
  } catch {
    return `a ${typeof value}`
  }
}
