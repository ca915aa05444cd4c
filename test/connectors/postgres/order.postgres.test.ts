import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accept, bodies, nothingMore, request, take } from '../../../core/testing/contract/reading.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { type OpenedOutbox, openTestOutbox } from './opened.ts'

const server = sharedBroker('postgres')
const options = { skip: server.missing }

const write = async (outbox: OpenedOutbox, rows: readonly (readonly [key: string | null, body: string])[]) => {
  for (const [key, body] of rows)
    await outbox.raw.query(`INSERT INTO ${outbox.table} (key, body) VALUES ($1, convert_to($2, 'UTF8'))`, [key, body])
}

test(
  'a row that is not settled holds back those of its key, in every reader, and nobody else',
  options,
  async context => {
    const outbox = await openTestOutbox(context, await server.address())
    await write(outbox, [
      ['a', 'a1'],
      ['a', 'a2'],
      ['b', 'b1'],
      [null, 'n1'],
      ['a', 'a3'],
      ['b', 'b2'],
      [null, 'n2'],
    ])
    const [one, other] = [await outbox.open(), await outbox.open()]
    const first = await take(outbox, one, 4)
    assert.deepEqual(bodies(first), ['a1', 'b1', 'n1', 'n2'])
    assert.deepEqual(await nothingMore(other), [])
    assert.deepEqual(await one.settle(accept(first.slice(0, 1))), [])
    const second = await take(outbox, other, 1)
    assert.deepEqual(bodies(second), ['a2'])
    assert.deepEqual(await nothingMore(one), [])
  },
)

test('a row that is put off holds back its key alone, until its time has come', options, async context => {
  const outbox = await openTestOutbox(context, await server.address())
  await write(outbox, [
    ['a', 'a1'],
    ['a', 'a2'],
    ['b', 'b1'],
    ['b', 'b2'],
  ])
  const source = await outbox.open()
  const [a1, b1] = await take(outbox, source, 2)
  assert.ok(a1 && b1)
  await source.settle([{ delivery: a1, outcome: 'deferred', attempts: 1, delayMs: 400 }, ...accept([b1])])
  const rest = await take(outbox, source, 2)
  assert.deepEqual(bodies(rest), ['b2', 'a1'])
  await source.settle(accept(rest))
  assert.deepEqual(bodies(await take(outbox, source, 1)), ['a2'])
})

test('without order rows of a key are handed out together', options, async context => {
  const outbox = await openTestOutbox(context, await server.address(), { order: 'none' })
  await write(outbox, [
    ['a', 'a1'],
    ['a', 'a2'],
  ])
  assert.deepEqual(bodies(await take(outbox, await outbox.open(), 2)), ['a1', 'a2'])
})

test('a key with very many rows does not keep others from being seen', options, async context => {
  const outbox = await openTestOutbox(context, await server.address())
  await outbox.raw.query(`INSERT INTO ${outbox.table} (key, data) SELECT 'hot', '1' FROM generate_series(1, 20000)`)
  await write(outbox, [['rare', 'one']])
  const source = await outbox.open()
  const taken = await take(outbox, source, 2)
  assert.deepEqual(bodies(taken), ['1', 'one'])
})

test(
  'three processes, of which some are killed, work on a key one row at a time and in order; none is lost',
  options,
  async context => {
    const outbox = await openTestOutbox(context, await server.address())
    const [keys, rows] = [10, 30]
    await outbox.raw.query(
      `INSERT INTO ${outbox.table} (key, body) SELECT 'k' || key, convert_to(number::text, 'UTF8')
     FROM generate_series(1, ${rows}) number, generate_series(1, ${keys}) key ORDER BY number, key`,
    )
    const workers = [1, 2, 3].map(() => outbox.reader('work', '10'))
    await until('a third is done', async () => (await outbox.backlog()) < (keys * rows * 2) / 3)
    for (const worker of workers.slice(0, 2)) worker.kill('SIGKILL')
    workers.push(outbox.reader('work', '10'))
    await until('all is done', async () => (await outbox.backlog()) === 0, { timeoutMs: 60_000 })
    const lines = workers.flatMap(worker =>
      worker
        .output()
        .split('\n')
        .filter(line => line.startsWith('ends')),
    )
    for (let key = 1; key <= keys; key += 1) {
      const done = new Set(lines.filter(line => line.startsWith(`ends k${key} `)))
      assert.ok(done.size >= rows - 2, `k${key}: each row is worked on; the last words of the killed may be missing`)
    }
    // Within a process the lines are in order; a row that a killed one had begun comes to another.
    for (const worker of workers) {
      const seen = new Map<string, number>()
      for (const line of worker.output().split('\n')) {
        const [, key = '', number = ''] = /^begins (\S+) (\d+)$/.exec(line) ?? []
        assert.ok(
          !key || Number(number) > (seen.get(key) ?? 0),
          `${key} goes on after ${seen.get(key)}, not at ${number}`,
        )
        seen.set(key, Number(number))
      }
    }
  },
)

test(
  'a process that stood still for longer than its claims loses them, and settles nothing of another',
  options,
  async context => {
    const outbox = await openTestOutbox(context, await server.address())
    await write(outbox, [['a', 'a1']])
    const worker = outbox.reader('work', '1500')
    await worker.line(/^begins a a1/)
    worker.kill('SIGSTOP')
    const source = await outbox.open()
    const [taken] = await source.poll(request({ waitMs: 10_000 }))
    assert.ok(taken)
    assert.equal(taken.priorDeliveries, 1)
    worker.kill('SIGCONT')
    await worker.line(/^ends a a1/)
    assert.equal(await outbox.backlog(), 1, 'it is not its row any more')
    assert.deepEqual(await source.settle(accept([taken])), [])
    assert.equal(await outbox.backlog(), 0)
  },
)

test('a claim is kept for as long as its function runs', options, async context => {
  const outbox = await openTestOutbox(context, await server.address())
  await write(outbox, [['a', 'a1']])
  const [one, other] = [await outbox.open(), await outbox.open()]
  const [held] = await take(outbox, one, 1)
  assert.ok(held)
  assert.deepEqual(await other.poll(request({ waitMs: 2_500 })), [], 'after two and a half times its lease')
  assert.ok(!held.lost.aborted)
  assert.deepEqual(await one.settle(accept([held])), [])
  assert.equal(await outbox.backlog(), 0)
})
