/** The promises of a dead letter store, tested for each store by giving its harness. */
import { test } from 'node:test'
import { changing } from './store/changing.ts'
import { finding } from './store/finding.ts'
import { jobs } from './store/jobs.ts'
import { parking } from './store/parking.ts'
import { recalling } from './store/recalling.ts'
import { replaying } from './store/replaying.ts'
import type { OpenStore, StoreUnderTest } from './store/under-test.ts'

export const storeContract = (name: string, open: OpenStore, skip: string | false = false): void => {
  const promise = (words: string, run: (under: StoreUnderTest) => Promise<void>): void => {
    test(`${name}: ${words}`, { skip }, async context => run(await open(context)))
  }
  for (const part of [parking, recalling, finding, changing, replaying, jobs]) part(promise)
}
