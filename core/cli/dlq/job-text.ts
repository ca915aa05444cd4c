/** Replays as text. Pure. */
import type { JobStatus, PlannedReplay, ReplayTarget } from '../../../dlq/replay-store.ts'
import { age, count, cut, group, printable, table } from '../text.ts'
import { time } from './letter-text.ts'

export const jobsText = (jobs: readonly JobStatus[], now: number): string => {
  if (jobs.length === 0) return 'no replays'
  const rows = jobs.map(job => [
    job.id,
    job.state,
    job.selected,
    job.resolved,
    job.failed,
    job.underWay,
    age(Math.max(now - job.createdAt, 0)),
    targetText(job.target),
    [job.operator, job.reason].filter(part => part !== '').join(': '),
  ])
  const head = ['ID', 'STATE', 'LETTERS', 'RESOLVED', 'FAILED', 'RUNNING', 'SINCE', 'TO', 'BY']
  return table([head, ...rows]).join('\n')
}

export const jobText = (job: JobStatus): string => {
  const facts: readonly (readonly [string, string])[] = [
    ['id', job.id],
    ['state', job.stoppedBecause === undefined ? job.state : `${job.state}: ${job.stoppedBecause}`],
    ['to', targetText(job.target)],
    ['made', time(job.createdAt)],
    ...(job.endedAt === undefined ? [] : [['ended', time(job.endedAt)] as const]),
    ['by', [job.operator, job.reason].filter(part => part !== '').join(': ')],
    ...(job.perSecond === undefined ? [] : [['rate', `${job.perSecond}/s`] as const]),
    ...(job.concurrency === undefined ? [] : [['concurrency', String(job.concurrency)] as const]),
    ...(job.canary === undefined ? [] : [['canary', String(job.canary)] as const]),
    ...(job.stopAt === undefined ? [] : [['stops above', `${job.stopAt * 100} % failures`] as const]),
  ]
  const parts = job.parts.map(part => [
    part.mapping,
    part.source,
    part.selected,
    part.taken,
    part.resolved,
    part.failed,
    part.state === 'done' ? 'done' : '',
  ])
  return [
    ...table(facts),
    '',
    ...table([['MAPPING', 'SOURCE', 'LETTERS', 'TAKEN', 'RESOLVED', 'FAILED', ''], ...parts]),
  ].join('\n')
}

export const targetText = (target: ReplayTarget): string =>
  target.kind === 'channel' ? target.address : target.kind === 'source' ? 'where it came from' : 'its function'

const ERROR_COLUMNS = 60

/** What a replay would do. */
export const planText = (plan: PlannedReplay, target: ReplayTarget): string => {
  const targets = plan.targets.map(({ mapping, source, letters, obstacle }) => [
    mapping,
    source,
    letters,
    obstacle ?? '',
  ])
  const errors = plan.errors.map(({ fingerprint, letters, errorName, errorMessage }) => [
    fingerprint,
    letters,
    cut(`${errorName}: ${errorMessage}`, ERROR_COLUMNS),
  ])
  return [
    `${count(plan.selected, 'dead letter')} would be replayed to ${printable(targetText(target))}`,
    ...(targets.length === 0 ? [] : ['', ...table([['MAPPING', 'SOURCE', 'LETTERS', ''], ...targets])]),
    ...(plan.ineligible.length === 0
      ? []
      : ['', ...plan.ineligible.map(each => `not replayed: ${group(each.letters)} ${each.reason}`)]),
    ...(errors.length === 0 ? [] : ['', ...table([['FINGERPRINT', 'LETTERS', 'ERROR'], ...errors])]),
  ].join('\n')
}

const BAR = 24

export interface Speed {
  readonly perSecond: number
}

/** One line that says how far it is. */
export const progressText = (job: JobStatus, { perSecond }: Speed): string => {
  const ended = job.resolved + job.failed
  const share = job.selected === 0 ? 1 : Math.min(1, ended / job.selected)
  const full = Math.floor(share * BAR)
  const left = perSecond > 0 ? `${Math.ceil((job.selected - ended) / perSecond)} s left` : ''
  return [
    `[${'='.repeat(full)}${' '.repeat(BAR - full)}] ${Math.floor(share * 100)} %`,
    `${group(ended)} of ${group(job.selected)}`,
    ...(job.failed > 0 ? [`${group(job.failed)} failed`] : []),
    ...(job.state === 'running' ? [`${Math.round(perSecond)}/s`, left] : [job.state]),
  ]
    .filter(part => part !== '')
    .join(' · ')
}
