/** The pool of threads that most people use, with one thread that takes one task at a time. */

import { peer } from '../brokers/peers.ts'
import type { Contestant } from '../contestant.ts'
import { type Call, parsed } from './work.ts'

interface Pool {
  call(): Promise<unknown>
  close(): Promise<void>
}

export const piscina = (bodies: readonly Uint8Array[], measure: (call: Call) => Promise<number>): Contestant => ({
  name: 'piscina, one task at a time',
  async open() {
    const { openPiscina } = (await import(peer('piscina.mjs'))) as { openPiscina(records: readonly object[]): Pool }
    const pool = openPiscina(parsed(bodies))
    const call = async (): Promise<void> => void (await pool.call())
    await call()
    return { round: () => measure(call), close: () => pool.close() }
  },
})
