/**
 * A process that does one job under idempotency and dies at the moment that is asked for, by SIGKILL: `worker-main.ts
 * '{"place":…,"keys":[…],"point":…}'`; several keys are a batch. Or, with `race`, makes many claims of one key at once and says how many ran.
 */
import { processBatch } from '../../../core/function/process-batch.ts'
import { idempotent } from '../../../core/idempotency/idempotent.ts'
import type { IdempotencyStore } from '../../../core/idempotency-store.ts'
import { openPlace, type PlaceAddress } from './places.ts'
import { type Point, victimOf } from './points.ts'

interface Job {
  readonly place: PlaceAddress
  readonly keys: readonly string[]
  readonly point?: Point
  readonly race?: number
  readonly lease: `${number}ms`
}

const { place: address, keys, point, race, lease } = JSON.parse(process.argv[2] ?? '') as Job

const victim = keys[victimOf(keys.length)] ?? ''

const die = (at: Point): void => {
  if (at === point) process.kill(process.pid, 'SIGKILL')
}

const place = await openPlace(address)
const isTransaction = address.store.endsWith('-transaction')

/** Nothing of the product knows of these moments: the store is the one in which they can be seen from outside. */
const dying = (store: IdempotencyStore): IdempotencyStore => ({
  ...store,
  async claim(claims, by) {
    const answers = await store.claim(claims, by)
    if (answers.some(({ kind }) => kind === 'claimed')) die('after claim')
    return answers
  },
  async write(writes) {
    const answers = await store.write(writes)
    if (writes.some(({ kind }) => kind === 'complete')) die('after complete')
    return answers
  },
})

const run = async (of: string, fence: number): Promise<void> => {
  if (race !== undefined) await new Promise(resolve => setTimeout(resolve, 50))
  if (of === victim) die('mid-run')
  place.effect(of, fence)
  if (of === victim) die('after the effect')
}

const keeping = { store: dying(place.store), name: 'chaos', lease } as const
const runOnce = idempotent((of: string, { fence }) => run(of, fence), { ...keeping, key: of => of })

const runBatch = async (): Promise<void> => {
  const idempotency = { ...keeping, key: ({ id }: { readonly id: string }) => id, validate: false }
  const records = keys.map(id => ({ id }))
  const { batchItemFailures } = await processBatch(records, ({ id }, { fence }) => run(id, fence), { idempotency })
  if (batchItemFailures.length > 0) throw new Error(`failed: ${JSON.stringify(batchItemFailures)}`)
}

const transactOnce = async (of: string): Promise<void> => {
  await place.transact(of, moment => {
    if (moment === 'before') die('after claim')
    die(moment === 'before' ? 'mid-run' : 'after the effect')
  })
  die('after complete')
}

const once = isTransaction ? transactOnce : runOnce

if (race === undefined) {
  await (keys.length > 1 ? runBatch() : once(victim))
  die('before settle')
} else {
  // Ready: all begin together.
  await place.store.show('chaos:warm')
  process.stdout.write('ready\n')
  await new Promise(resolve => process.stdin.once('data', resolve))
  const calls = await Promise.allSettled(Array.from({ length: race }, () => once(victim)))
  const refused = calls.flatMap(call => (call.status === 'rejected' ? [String(call.reason.code ?? call.reason)] : []))
  process.stdout.write(`${JSON.stringify({ done: race - refused.length, refused: [...new Set(refused)] })}\n`)
}
await place.close()
process.exit(0)
