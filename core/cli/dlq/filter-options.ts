/** Which letters a command is about: options that all of them share. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { LETTER_STATES, type LetterFilter, type LetterState } from '../../../dlq/store.ts'
import { parseDuration } from '../../config/duration.ts'
import type { DeadLetterReason } from '../../contract.ts'

export interface FilterChoice {
  readonly mapping?: string
  readonly function?: string
  readonly source?: string
  readonly error?: string
  readonly fingerprint?: string
  readonly key?: string
  readonly why?: DeadLetterReason
  readonly state?: LetterState
  readonly since?: When
  readonly until?: When
  readonly header?: readonly string[]
  readonly field?: readonly string[]
}

const REASONS: readonly DeadLetterReason[] = [
  'exhausted',
  'not-retryable',
  'undecodable',
  'invalid',
  'expired',
  'starved',
  'crashed',
  'parked',
]

export const withFilter = (command: Command): Command =>
  command
    .option('-m, --mapping <name>', 'only those of this mapping')
    .option('--function <name>', 'only those that failed in this function')
    .option('--source <channel>', 'only records of this channel')
    .option('-e, --error <name>', 'only those with an error of this name')
    .option('--fingerprint <id>', 'only those that failed in the same way; as in dlq show and --group-by error')
    .option('-k, --key <key>', 'only records with this key')
    .addOption(new Option('--why <verdict>', 'only those parked for this').choices(REASONS))
    .addOption(
      new Option('-s, --state <state>', 'only those in this state; by default all but resolved and archived').choices(
        LETTER_STATES,
      ),
    )
    .option('--since <when>', 'parked for the first time since: a date, or a duration ago like 2h', when)
    .option('--until <when>', 'parked for the first time before', when)
    .option('-H, --header <name[=value]>', 'only records with this header; may be given again', gather)
    .option('--field <path=value>', 'only JSON bodies with this in them, like order.id=17; may be given again', field)

export const filterOf = (choice: FilterChoice, now: number): LetterFilter => {
  const { mapping, function: fn, source, error, fingerprint, key, why, state, since, until, header, field: of } = choice
  const given = { mapping, function: fn, source, error, fingerprint, key, reason: why, state }
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(since === undefined ? {} : { since: timeOf(since, now) }),
    ...(until === undefined ? {} : { until: timeOf(until, now) }),
    ...(header ? { headers: header.map(splitAtSign) } : {}),
    ...(of ? { fields: of.map(text => fieldTest(text)) } : {}),
  }
}

type When = { readonly agoMs: number } | { readonly at: number }

const when = (text: string): When => {
  const agoMs = parseDuration(text)
  if (agoMs !== undefined) return { agoMs }
  const at = Date.parse(text)
  if (Number.isNaN(at))
    throw new InvalidArgumentError("It must be a date like 2026-01-31T12:00Z, or a duration like '2h'.")
  return { at }
}

const timeOf = (of: When, now: number): number => ('at' in of ? of.at : now - of.agoMs)

const gather = (text: string, before: readonly string[] = []): readonly string[] => [...before, text]

const field = (text: string, before: readonly string[] = []): readonly string[] => {
  if (text.indexOf('=') < 1) throw new InvalidArgumentError('It must be path=value.')
  return [...before, text]
}

const splitAtSign = (text: string): { readonly name: string; readonly value?: string } => {
  const at = text.indexOf('=')
  return at < 1 ? { name: text } : { name: text.slice(0, at), value: text.slice(at + 1) }
}

const fieldTest = (text: string): { readonly path: string; readonly value: string } => {
  const at = text.indexOf('=')
  return { path: text.slice(0, at), value: text.slice(at + 1) }
}
