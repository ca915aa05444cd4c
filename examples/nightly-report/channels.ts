import { embedded } from 'millrace'
import { cron } from 'millrace/cron'

export interface Report {
  /** The slot it was made for, ISO 8601. */
  readonly slot: string
  /** The day before, by the clock of the shop. */
  readonly day: string
  readonly orders: number
  readonly total: number
  /** Which try made it. */
  readonly attempt: number
}

/** At two by the clock of the shop. When the shop's computer is off at night, the latest is made up for in the morning. */
export const nightly = cron('nightly', { at: '0 2 * * *', zone: 'Europe/Berlin', missed: 'latest', overlap: 'queue' })

/** The same so often that it can be watched. */
export const watched = cron('watched', { every: '1s', zone: 'Europe/Berlin', overlap: 'queue' })

export const reports = embedded().topic<Report>('reports')
