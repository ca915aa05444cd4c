import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { OutgoingRecord } from '../../core/contract.ts'
import { openMemoryDatabase } from '../../core/database.ts'
import { MillraceError } from '../../core/errors.ts'
import { silentLog } from '../../core/log.ts'
import { createVirtualClock } from '../../core/testing/virtual-clock.ts'
import { replaySender, type SenderOptions } from '../../dlq/replay-sender.ts'
import { openSqliteStore } from '../../dlq/sqlite/store.ts'
import { fullRecord, letterFor } from '../support/letters.ts'
import { until } from '../support/until.ts'

const NOBODY = { operator: '', reason: '' }

interface Sent {
  readonly address: string
  readonly records: readonly OutgoingRecord[]
}

/** A sender whose broker answers as `answer` says, for each record by its body. */
const opened = (
  context: TestContext,
  answer: (body: string, tries: number) => null | MillraceError,
  order: SenderOptions['order'] = 'key',
) => {
  const database = openMemoryDatabase()
  const clock = createVirtualClock()
  const store = openSqliteStore(database, { clock })
  const sent: Sent[] = []
  const tries = new Map<string, number>()
  const sender = replaySender(store, 'charge', 'local/orders', {
    clock,
    log: silentLog,
    order,
    async send(address, records) {
      sent.push({ address, records })
      return records.map(record => {
        const body = bodyOf(record)
        tries.set(body, (tries.get(body) ?? 0) + 1)
        return answer(body, tries.get(body) ?? 0)
      })
    },
  })
  context.after(async () => {
    await sender.stop()
    await database.close()
  })
  const park = (...keys: readonly string[]) =>
    store.park(
      keys.map((key, index) =>
        letterFor(fullRecord(`${index}`, { key, body: new TextEncoder().encode(`${key}${index}`) })),
      ),
    )
  const states = async () => (await store.page({ limit: 9 })).letters.toReversed().map(({ state }) => state)
  return { store, sender, sent, clock, park, states }
}

const bodyOf = ({ body }: OutgoingRecord): string => new TextDecoder().decode(body ?? undefined)

const bodies = (sent: readonly Sent[]) => sent.map(({ records }) => records.map(bodyOf).join(' '))

const ended = async ({ store, clock }: ReturnType<typeof opened>, job: string) =>
  until('the replay has ended', async () => {
    clock.advance(1_000)
    const status = await store.job(job)
    return status?.state !== 'running' && status
  })

const SOURCE = { selection: { filter: {} }, target: { kind: 'source' } } as const

test('a replay to the source keeps body, key, headers, properties and position, and counts itself', async context => {
  const under = opened(context, () => null)
  await under.store.park([letterFor(fullRecord('1'))])
  const { job = '' } = await under.store.startReplay(SOURCE, NOBODY)
  under.sender.start()
  await ended(under, job)
  const [{ address, records: [record] = [] } = { address: '', records: [] }] = under.sent
  const { key, headers, body, properties, position } = fullRecord('1')
  assert.equal(address, 'local/orders')
  const [id] = await under.store
    .page({ limit: 1, state: 'resolved' })
    .then(({ letters }) => letters.map(each => each.id))
  assert.deepEqual(record, {
    key,
    body,
    properties,
    position,
    headers: [...headers, ['millrace-replays', '1'], ['millrace-replay-of', id]],
  })
})

test('letters of one key are sent one after the other, others together', async context => {
  const under = opened(context, () => null)
  await under.park('a', 'a', 'b', 'a', 'c')
  const { job = '' } = await under.store.startReplay(SOURCE, NOBODY)
  under.sender.start()
  await ended(under, job)
  assert.deepEqual(bodies(under.sent), ['a0 b2 c4', 'a1', 'a3'])
})

test('what a broker does not confirm is sent again before its key goes on, and nothing else with it', async context => {
  const failed = new MillraceError('SEND_FAILED', 'no answer')
  const under = opened(context, (body, tries) => (body === 'a0' && tries < 3 ? failed : null))
  await under.park('a', 'a', 'b')
  const { job = '' } = await under.store.startReplay(SOURCE, NOBODY)
  under.sender.start()
  const status = await ended(under, job)
  assert.deepEqual(bodies(under.sent), ['a0 b2', 'a0', 'a0', 'a1'])
  assert.equal(status?.resolved, 3)
})

test('what a broker will never take fails again at once, with the reason', async context => {
  for (const error of [
    new MillraceError('SEND_INVALID', 'too large'),
    new MillraceError('SEND_FAILED', 'forbidden', { fatal: true }),
    new MillraceError('CHANNEL_UNKNOWN', 'gone'),
  ]) {
    const under = opened(context, body => (body === 'a0' ? error : null))
    await under.park('a', 'b')
    const { job = '' } = await under.store.startReplay(SOURCE, NOBODY)
    under.sender.start()
    const status = await ended(under, job)
    assert.deepEqual(status && [status.resolved, status.failed], [1, 1])
    const [{ id } = { id: '' }] = (await under.store.page({ limit: 1 })).letters
    assert.equal((await under.store.get(id))?.history[0]?.message, error.message)
  }
})

test('a broker that is down is asked again for as long as the replay is not cancelled', async context => {
  const under = opened(context, () => new MillraceError('SEND_FAILED', 'down'))
  await under.park('a', 'b')
  const { job = '' } = await under.store.startReplay(SOURCE, NOBODY)
  under.sender.start()
  await until('it was tried often', () => {
    under.clock.advance(1_000)
    return under.sent.length > 20
  })
  assert.equal((await under.store.job(job))?.underWay, 2)
  await under.store.steer(job, 'cancelled', NOBODY)
  await until('both are open again', async () => {
    under.clock.advance(1_000)
    return (await under.states()).every(state => state === 'open')
  })
})

test('a sender that stops gives back what it could not send, and one that is paused takes nothing', async context => {
  const under = opened(context, () => new MillraceError('SEND_FAILED', 'down'))
  await under.park('a')
  await under.store.startReplay(SOURCE, NOBODY)
  under.sender.pause()
  under.sender.start()
  under.clock.advance(5_000)
  assert.deepEqual(under.sent, [])
  under.sender.resume()
  await until('it was tried', () => under.sent.length > 0)
  await under.sender.stop()
  const [letter] = (
    await under.store.claim({
      mapping: 'charge',
      source: 'local/orders',
      by: 'sending',
      order: 'none',
      max: 9,
      maxBytes: 9,
      leaseMs: 9,
    })
  ).letters
  assert.equal(letter?.attempts, 1)
})
