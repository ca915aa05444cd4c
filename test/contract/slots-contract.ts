/** What a store of slots promises, as a function of a harness: over SQLite, PostgreSQL and Redis. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import type { Entering, SlotStore, Slots, TakenSlot } from '../../core/slots.ts'

export interface SlotsHarness {
  /** Another machine's: the same place, another client. */
  open(): Promise<SlotStore>
  /** The members of all readers are taken for dead from now on. */
  kill(): Promise<void>
}

const NOW = 1_000_000
const READER = { schedule: 'nightly', reader: 'app.mapping', defined: 'a' }
const WANT = { max: 100, nowMs: NOW, overlap: 'allow' } as const

const entering = (slots: readonly number[], more: Partial<Entering> = {}): Entering => ({
  lastMs: NOW - 1_000,
  untilMs: NOW,
  slots: slots.map(slot => ({ slot, due: 0 })),
  overlap: 'allow',
  max: 1_000,
  ...more,
})

const slotsIn = (taken: readonly TakenSlot[]): readonly number[] => taken.map(({ slot }) => slot)
const done = (taken: readonly TakenSlot[]) => taken.map(each => ({ ...each, outcome: 'done' as const, due: 0 }))
const back = (taken: readonly TakenSlot[], attempts: number, due = 0) =>
  taken.map(each => ({ ...each, outcome: 'back' as const, attempts, due }))

export const slotsContract = (
  name: string,
  skip: string | false,
  prepare: (context: TestContext) => Promise<SlotsHarness>,
): void => {
  const promise = (
    what: string,
    run: (given: {
      readonly harness: SlotsHarness
      readonly open: (nowMs?: number, defined?: string) => Promise<Slots>
    }) => Promise<void>,
  ): void => {
    test(`slots in ${name}: ${what}`, { skip }, async context => {
      const harness = await prepare(context)
      // A place may be shared by all tests of a file.
      const reader = { ...READER, schedule: `nightly-${randomUUID()}` }
      const open = async (nowMs = NOW - 1_000, defined = READER.defined): Promise<Slots> => {
        const store = await harness.open()
        context.after(() => store.close())
        return store.open({ ...reader, defined }, nowMs)
      }
      await run({ harness, open })
    })
  }

  promise('a new reader has no past, an old one goes on, and another definition begins now', async ({ open }) => {
    assert.equal((await (await open(500)).look(NOW)).lastMs, 500)
    assert.equal((await (await open(900)).look(NOW)).lastMs, 500)
    assert.equal((await (await open(700, 'b')).look(NOW)).lastMs, 700)
    assert.equal((await (await open(100, 'a')).look(NOW)).lastMs, 700, 'never back')
  })

  promise('what came due is entered by one of those who see it', async ({ open }) => {
    const [one, other] = [await open(), await open()]
    const both = await Promise.all([one, other].map(slots => slots.enter(entering([NOW - 10]))))
    assert.deepEqual(both.toSorted(), [0, undefined])
    assert.equal((await one.look(NOW)).lastMs, NOW)
    assert.deepEqual(await other.unfinished(), { records: 1, oldest: NOW - 10 })
  })

  promise('each slot is claimed by one, however many ask at once', async ({ open }) => {
    const members = await Promise.all([open(), open(), open()])
    const all = Array.from({ length: 40 }, (_, index) => NOW - 100 + index)
    await members[0]?.enter(entering(all))
    const turns = await Promise.all(
      Array.from({ length: 30 }, (_, index) => members[index % 3]?.take({ ...WANT, max: 3 })),
    )
    assert.deepEqual(turns.flatMap(turn => slotsIn(turn?.taken ?? [])).toSorted(), all)
  })

  promise('slots come in order, from when they are due', async ({ open }) => {
    const slots = await open()
    const later = { slot: NOW - 5, due: NOW + 50 }
    await slots.enter(
      entering([NOW - 9, NOW - 7], { slots: [NOW - 9, NOW - 7].map(slot => ({ slot, due: 0 })).concat(later) }),
    )
    assert.deepEqual(slotsIn((await slots.take({ ...WANT, max: 1 })).taken), [NOW - 9])
    assert.deepEqual(slotsIn((await slots.take(WANT)).taken), [NOW - 7])
    assert.equal((await slots.look(NOW)).ready, false)
    assert.equal((await slots.look(NOW + 50)).ready, true)
    assert.deepEqual(slotsIn((await slots.take({ ...WANT, nowMs: NOW + 50 })).taken), [NOW - 5])
  })

  promise('with skip one slot is unfinished at most, with the others so many', async ({ open }) => {
    const slots = await open()
    assert.equal(await slots.enter(entering([1, 2, 3], { overlap: 'skip' })), 2)
    assert.equal(await slots.enter(entering([4], { overlap: 'skip', lastMs: NOW, untilMs: NOW + 1 })), 1)
    const first = (await slots.take(WANT)).taken
    assert.deepEqual(slotsIn(first), [3])
    await slots.settle(done(first))
    assert.equal(await slots.enter(entering([5, 6, 7], { max: 2, lastMs: NOW + 1, untilMs: NOW + 2 })), 1)
    assert.deepEqual(slotsIn((await slots.take(WANT)).taken), [5, 6])
    assert.equal(await slots.enter(entering([8], { max: 2, lastMs: NOW + 2, untilMs: NOW + 3 })), 1)
  })

  promise('with queue the first unfinished one is taken alone, and waits for its time', async ({ open }) => {
    const slots = await open()
    await slots.enter(entering([1, 2]))
    const want = { ...WANT, overlap: 'queue' } as const
    const { taken } = await slots.take(want)
    assert.deepEqual(slotsIn(taken), [1])
    assert.deepEqual((await slots.take(want)).taken, [])
    await slots.settle(back(taken, 1, NOW + 500))
    assert.deepEqual((await slots.take(want)).taken, [])
    const again = (await slots.take({ ...want, nowMs: NOW + 500 })).taken
    assert.deepEqual(slotsIn(again), [1])
    await slots.settle(done(again))
    assert.deepEqual(slotsIn((await slots.take(want)).taken), [2])
  })

  promise('what is given back comes again with its attempts, and was seen first when it was', async ({ open }) => {
    const slots = await open()
    await slots.enter(entering([1]))
    const { taken } = await slots.take(WANT)
    assert.deepEqual(
      taken.map(({ attempts, prior, seen }) => [attempts, prior, seen]),
      [[0, 0, NOW]],
    )
    assert.deepEqual(await slots.settle(back(taken, 3)), [true])
    const again = (await slots.take({ ...WANT, nowMs: NOW + 7 })).taken
    assert.deepEqual(
      again.map(({ attempts, prior, seen }) => [attempts, prior, seen]),
      [[3, 0, NOW]],
    )
    assert.deepEqual(await slots.settle(done(again)), [true])
    assert.deepEqual(await slots.settle(done(again)), [false])
    assert.deepEqual(await slots.unfinished(), { records: 0, oldest: null })
  })

  promise('who leaves gives back what it held, as if it had not had it', async ({ open }) => {
    const [one, other] = [await open(), await open()]
    await one.enter(entering([1]))
    await one.take(WANT)
    assert.equal((await other.look(NOW)).others, true)
    await one.leave()
    const { taken } = await other.take(WANT)
    assert.deepEqual(
      taken.map(({ slot, prior }) => [slot, prior]),
      [[1, 0]],
    )
  })

  promise(
    'what a dead member held comes to another, and the dead one settles nothing any more',
    async ({ harness, open }) => {
      const [one, other] = [await open(), await open()]
      await one.enter(entering([1, 2]))
      const held = await one.take({ ...WANT, max: 1 })
      await harness.kill()
      const turn = await other.take(WANT)
      assert.deepEqual(
        turn.taken.map(({ slot, prior }) => [slot, prior]),
        [
          [1, 1],
          [2, 0],
        ],
      )
      assert.deepEqual(await one.settle(done(held.taken)), [false])
      const reborn = await one.take(WANT)
      assert.notEqual(reborn.member, held.member)
      assert.deepEqual(reborn.taken, [])
      assert.deepEqual(await other.settle(done(turn.taken)), [true, true])
    },
  )
}
