/** Slots of schedules in Redis: each step is one script over the keys of a reader, which are in one slot of a Cluster. */
import { randomUUID } from 'node:crypto'
import type { Log } from '../../core/log.ts'
import {
  type Entering,
  SLOT_LEASE_MS,
  type SlotReader,
  type SlotStore,
  type Slots,
  type SlotVerdict,
  type TakenSlot,
} from '../../core/slots.ts'
import { adviseOn } from './advice.ts'
import type { RedisArgument, RedisClient } from './connection.ts'
import { redisError } from './failure.ts'
import type { Script } from './script.ts'
import { ENTER, LEAVE, LOOK, OPEN, SETTLE, TAKE } from './slot-scripts.ts'

/** Schedules are looked at seldom: what another machine does may wait for so long. */
const LOOK_EVERY_MS = 1_000
const CONNECT_PATIENCE_MS = 10_000

export const openRedisSlots = async (name: string, client: RedisClient, log: Log): Promise<SlotStore> => {
  await client.ready(CONNECT_PATIENCE_MS)
  await adviseOn(name, client, log)
  return {
    where: name,
    async open(reader, nowMs) {
      const run = runningOn(name, client, reader)
      const member = randomUUID()
      await run(OPEN, [member, SLOT_LEASE_MS, reader.defined, Math.floor(nowMs)])
      return slotsOf(run, member)
    },
    // The client is the connection's.
    close: async () => {},
  }
}

type Run = (script: Script, args: readonly RedisArgument[]) => Promise<readonly Buffer[]>

const runningOn = (name: string, client: RedisClient, { schedule, reader }: SlotReader): Run => {
  const prefix = `millrace:cron:{${JSON.stringify([schedule, reader])}}`
  const keys = ['reader', 'slots', 'members'].map(part => `${prefix}:${part}`)
  return async (script, args) => {
    try {
      await client.ready(CONNECT_PATIENCE_MS)
      return (await client.run(script, keys, args)) as readonly Buffer[]
    } catch (thrown) {
      throw redisError('SOURCE_FAILED', `slots of ${schedule} in ${name}`, thrown)
    }
  }
}

const slotsOf = (run: Run, joined: string): Slots => {
  let member = joined
  return {
    lookEveryMs: LOOK_EVERY_MS,
    async look(nowMs) {
      const [last, ready, others] = await run(LOOK, [member, Math.floor(nowMs)])
      return { lastMs: Number(String(last)), ready: String(ready) === '1', others: String(others) === '1' }
    },
    async enter({ lastMs, untilMs, slots, overlap, max }: Entering) {
      const flat = slots.flatMap(({ slot, due }) => [slot, due])
      const [left] = await run(ENTER, [lastMs, Math.floor(untilMs), overlap, max, ...flat])
      return String(left) === 'late' ? undefined : Number(String(left))
    },
    async take({ max, nowMs, overlap }) {
      const next = randomUUID()
      const [own, ...fields] = await run(TAKE, [member, SLOT_LEASE_MS, next, Math.floor(nowMs), overlap, max])
      member = String(own)
      const taken: TakenSlot[] = []
      for (let at = 0; at + 3 < fields.length; at += 4) {
        const [slot = 0, attempts = 0, prior = 0, seen = 0] = fields
          .slice(at, at + 4)
          .map(field => Number(String(field)))
        taken.push({ slot, attempts, prior, seen, member })
      }
      return { member, taken }
    },
    async settle(verdicts) {
      const args = verdicts.flatMap(({ slot, member: by, outcome, attempts, due }: SlotVerdict) => [
        slot,
        by,
        outcome,
        attempts,
        due,
      ])
      return (await run(SETTLE, args)).map(held => String(held) === '1')
    },
    async beat() {
      // To look is to say that one lives.
      await run(LOOK, [member, 0])
    },
    async unfinished() {
      const [, , , records, oldest] = await run(LOOK, [member, 0])
      return {
        records: Number(String(records)),
        oldest: String(oldest) === '' ? null : Number(String(oldest)),
      }
    },
    async leave() {
      await run(LEAVE, [member])
    },
  }
}
