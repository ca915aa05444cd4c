/** The store of the app, asked by functions in every isolation. */
import assert from 'node:assert/strict'
import { openDatabase } from '../../../core/database.ts'
import { openSqliteIdempotency } from '../../../core/idempotency/sqlite-store.ts'
import type { IdempotencyStore } from '../../../core/idempotency-store.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { faultyStore } from '../idempotency/faulty-store.ts'
import { channelSource, core, harness, outcomeAs } from './harness.ts'
import { inEveryIsolation } from './isolations.ts'

const source = (body: string, more = '') => `
  import { onRecord } from ${core('function/on-record.ts')}
  const q = ${channelSource('q')}
  export const handler = onRecord(q, async (record, context) => { ${body} },
    { concurrency: 4, idempotency: { key: 'data.of', ${more} } })`

const PRINTS = "console.log('ran ' + record.data.of + ' as ' + context.idempotencyKey.split(':')[0])"

const withStore = (store: IdempotencyStore) => ({
  host: { send: async () => {}, keys: () => store },
})

const stateOf = async (context: { after(run: () => Promise<void>): void }) => {
  const database = openDatabase(await temporaryFolder(context as never))
  context.after(() => database.close())
  return faultyStore(openSqliteIdempotency(database))
}

const BODIES = ['a', 'b', 'a', 'c'].map(of => JSON.stringify({ of }))

inEveryIsolation(
  'onRecord keeps its keys in the store of the app, a batch in two round trips',
  async (context, isolation) => {
    const store = await stateOf(context)
    const written = { source: source('if (record.data.of === "c") throw new Error("c failed")'), isolation }
    const { run } = await harness(context, { f: written }, withStore(store))
    const first = outcomeAs(await run('f', BODIES), 'answered').value as {
      batchItemFailures: { itemIdentifier: string }[]
    }
    assert.deepEqual(
      first.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
      ['r3'],
    )
    assert.deepEqual({ ...store.calls }, { claim: 1, write: 1 })
    await run('f', BODIES)
    assert.deepEqual({ ...store.calls }, { claim: 2, write: 2 })
  },
)

inEveryIsolation('a key that an environment has had is another one’s duplicate', async (context, isolation) => {
  const store = await stateOf(context)
  const written = { source: source(PRINTS), isolation }
  const { run, lines } = await harness(context, { f: written, g: written }, withStore(store))
  await run('f', BODIES)
  await run('g', BODIES)
  await run('g', BODIES, { mapping: 'another' })
  const seen = [store.calls.claim, store.calls.write]
  assert.deepEqual(seen, [3, 2])
  if (isolation !== 'inline')
    assert.deepEqual(
      lines
        .flatMap(line => /ran .*/.exec(line) ?? [])
        .map(String)
        .sort(),
      ['a', 'b', 'c'].flatMap(of => [`ran ${of} as test/another/record`, `ran ${of} as test/m/record`]).sort(),
    )
})

inEveryIsolation(
  'a store that is down has the records come again, untried, with its error',
  async (context, isolation) => {
    const store = await stateOf(context)
    const { run } = await harness(context, { f: { source: source(''), isolation } }, withStore(store))
    store.fail('claim')
    const { value } = outcomeAs(await run('f', ['{"of":"a"}']), 'answered')
    const [failure] = (value as { batchItemFailures: { untried?: boolean; error?: { message: string } }[] })
      .batchItemFailures
    assert.equal(failure?.untried, true)
    assert.match(failure?.error?.message ?? '', /the store is down/)
  },
)

inEveryIsolation(
  'the claims of an environment that was killed are free at once',
  async (context, isolation) => {
    const store = await stateOf(context)
    const killed = {
      source: source('process.kill(process.pid, "SIGKILL"); await new Promise(() => {})', "lease: '1h'"),
      isolation,
    }
    const fine = { source: source('', "lease: '1h'"), isolation }
    const { run } = await harness(context, { killed, fine }, withStore(store))
    outcomeAs(await run('killed', ['{"of":"a"}']), 'failed')
    assert.equal(outcomeAs(await run('fine', ['{"of":"a"}']), 'answered').value, null)
    assert.deepEqual({ ...store.calls }, { claim: 2, write: 1 })
  },
  { crash: 'always' },
)

inEveryIsolation(
  'a function that keeps its keys warns of replayed records that are older than it remembers',
  async (context, isolation) => {
    const written = { source: source('', "ttl: '1s'"), isolation }
    const { run, lines } = await harness(context, { f: written }, withStore(await stateOf(context)))
    const warnings = () =>
      lines.filter(line => /test\/m\/record: 3 replayed records are older than ttl \(1s\)/.test(line))
    await run('f', BODIES)
    assert.deepEqual(warnings(), [])
    await run(
      'f',
      BODIES.map(body => body.toUpperCase().replace('OF', 'of')),
      { replayed: true },
    )
    assert.equal(warnings().length, 1, lines.join('\n'))
  },
)
