import type { Context } from '../../core/contract.ts'
import type { Database } from '../../core/database.ts'
import type { Wakes } from './wakes.ts'

/** What every part of an opened connection is handed. */
export interface Place extends Context {
  readonly database: Database
  readonly wakes: Wakes
}
