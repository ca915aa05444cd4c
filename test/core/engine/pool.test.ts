import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Slot } from '../../../core/engine/contract.ts'
import { until } from '../../support/until.ts'
import { harness, invocation, invoked, outcomeAs } from './harness.ts'
import { inEveryIsolation } from './isolations.ts'

const never = new AbortController().signal
const one = () => invocation([invoked('{}', 0)])
const slotOf = (slot: Slot | undefined): Slot => slot ?? assert.fail('a slot was expected')
const NOTHING = { source: 'export const handler = () => process.pid' }

test('environments are started at once up to maxEnvironments, then acquire waits', async context => {
  const { engine } = await harness(context, { f: { ...NOTHING, maxEnvironments: 2 } })
  const first = slotOf(await engine.acquire('f', 'a', never))
  const second = slotOf(await engine.acquire('f', 'a', never))
  let granted = false
  const third = engine.acquire('f', 'a', never).then(slot => {
    granted = true
    return slotOf(slot)
  })
  const reports = await Promise.all([first.invoke(one()), second.invoke(one())])
  assert.notEqual(reports[0].environment, reports[1].environment)
  assert.ok(granted === false || engine.stats('f').busy <= 2)
  const report = await (await third).invoke(one())
  assert.equal(report.cold, false)
  assert.deepEqual(engine.stats('f'), {
    environments: 2,
    busy: 0,
    waiting: 0,
    coldStarts: 2,
    invocations: 3,
    throttled: 0,
  })
})

test('the environment used last is used first', async context => {
  const { engine } = await harness(context, { f: { ...NOTHING, maxEnvironments: 3 } })
  const slots = await Promise.all([1, 2, 3].map(async () => slotOf(await engine.acquire('f', 'a', never))))
  const environments: string[] = []
  for (const slot of slots) environments.push((await slot.invoke(one())).environment)
  for (let again = 0; again < 3; again += 1) {
    const report = await slotOf(await engine.acquire('f', 'a', never)).invoke(one())
    assert.equal(report.environment, environments[2])
  }
})

test('mappings that wait take turns, however many slots one of them asks for', async context => {
  const { engine } = await harness(context, { f: { ...NOTHING, isolation: 'inline', maxEnvironments: 1 } })
  const held = slotOf(await engine.acquire('f', 'a', never))
  const order: string[] = []
  const ask = (mapping: string): Promise<void> =>
    engine.acquire('f', mapping, never).then(slot => {
      order.push(mapping)
      slotOf(slot).release()
    })
  const waiting = [ask('a'), ask('a'), ask('a'), ask('b'), ask('c'), ask('b')]
  assert.equal(engine.stats('f').waiting, 6)
  held.release()
  await Promise.all(waiting)
  assert.deepEqual(order, ['a', 'b', 'c', 'a', 'b', 'a'])
})

test('giving up while waiting answers undefined and takes nobody else place', async context => {
  const { engine } = await harness(context, { f: { ...NOTHING, isolation: 'inline', maxEnvironments: 1 } })
  const held = slotOf(await engine.acquire('f', 'a', never))
  const stop = new AbortController()
  const impatient = engine.acquire('f', 'a', stop.signal)
  const patient = engine.acquire('f', 'a', never)
  stop.abort()
  assert.equal(await impatient, undefined)
  assert.equal(await engine.acquire('f', 'a', stop.signal), undefined)
  held.release()
  slotOf(await patient).release()
  assert.deepEqual(engine.stats('f').busy, 0)
})

test('a slot released unused leaves room for another, and a slot is used once', async context => {
  const { engine } = await harness(context, { f: { ...NOTHING, maxEnvironments: 1 } })
  for (let turn = 0; turn < 3; turn += 1) slotOf(await engine.acquire('f', 'a', never)).release()
  const slot = slotOf(await engine.acquire('f', 'a', never))
  slot.release()
  assert.throws(() => slot.release(), /used twice/)
  assert.equal(engine.stats('f').coldStarts, 0)
})

test('an environment that nobody uses is ended, after its shutdown', async context => {
  const { run, engine, lines } = await harness(context, {
    f: {
      source: `export const handler = () => {}; export const shutdown = () => console.log('shut down')`,
      idleMs: 200,
    },
  })
  await run('f')
  assert.equal(engine.stats('f').environments, 1)
  await until('it is ended', () => engine.stats('f').environments === 0)
  assert.ok(lines.includes('info shut down'))
  assert.equal((await run('f')).cold, true)
})

test('a failing Init leaves room for the next try', async context => {
  const { run, engine } = await harness(context, { f: { source: 'throw 1', maxEnvironments: 1 } })
  for (let turn = 0; turn < 3; turn += 1) outcomeAs(await run('f'), 'not-ready')
  assert.deepEqual(engine.stats('f'), {
    environments: 0,
    busy: 0,
    waiting: 0,
    coldStarts: 3,
    invocations: 3,
    throttled: 0,
  })
})

const WAITS =
  'export const handler = (b, c) => new Promise(r => { c.log.info("runs"); if (b[0].data.ms) setTimeout(r, b[0].data.ms) })'

inEveryIsolation('close lets a running request finish', async (context, isolation) => {
  const { run, engine, lines } = await harness(context, { f: { source: WAITS, isolation } })
  const running = run('f', ['{"ms":300}'])
  await until('it runs', () => lines.includes('info runs'))
  await engine.close(20_000)
  outcomeAs(await running, 'answered')
  assert.equal(await engine.acquire('f', 'a', never), undefined)
  assert.equal(engine.stats('f').environments, 0)
})

inEveryIsolation(
  'close gives a request up when the grace is over, and nobody is charged',
  async (context, isolation) => {
    const { run, engine, lines } = await harness(context, { f: { source: WAITS, isolation } })
    const running = run('f')
    await until('it runs', () => lines.includes('info runs'))
    await engine.close(100)
    outcomeAs(await running, 'aborted')
  },
)

inEveryIsolation(
  'close ends the waiting of those who wait, and a slot granted before runs nothing',
  async (context, isolation) => {
    const { engine } = await harness(context, { f: { source: WAITS, isolation, maxEnvironments: 1 } })
    const held = slotOf(await engine.acquire('f', 'a', never))
    const waiting = engine.acquire('f', 'b', never)
    await engine.close(0)
    assert.equal(await waiting, undefined)
    outcomeAs(await held.invoke(one()), 'aborted')
  },
)

test('a function that is not configured is an error that names it', async context => {
  const { engine } = await harness(context, {})
  assert.throws(() => engine.version('nope'), /functions\.nope: no such function is configured/)
})

const RUNS =
  'export const handler = (b, c) => new Promise(r => { c.log.info("runs"); if (b[0].data.ms) setTimeout(r, b[0].data.ms); else r() })'

inEveryIsolation(
  'a replaced function finishes its request, and those who wait get the new one',
  async (context, isolation) => {
    const { run, engine, specs, lines } = await harness(context, {
      f: { source: RUNS, isolation, maxEnvironments: 1 },
      same: { source: RUNS, isolation },
    })
    const running = run('f', ['{"ms":300}'])
    await until('it runs', () => lines.includes('info runs'))
    const waiting = engine.acquire('f', 'b', never)
    assert.deepEqual(engine.replace(specs.map(spec => (spec.name === 'f' ? { ...spec, env: { NEW: '1' } } : spec))), [
      'f',
    ])
    const report = await slotOf(await waiting).invoke(one())
    outcomeAs(report, 'answered')
    assert.equal(report.cold, true)
    const old = await running
    outcomeAs(old, 'answered')
    assert.notEqual(old.environment, report.environment)
    assert.deepEqual(
      engine.functions().map(({ name, coldStarts }) => [name, coldStarts]),
      [
        ['f', 1],
        ['same', 0],
      ],
    )
  },
)

inEveryIsolation('closing does not wait for the long grace of a replaced function', async (context, isolation) => {
  const { run, engine, specs, lines } = await harness(context, { f: { source: RUNS, isolation } })
  const running = run('f', ['{"ms":3000}'])
  await until('it runs', () => lines.includes('info runs'))
  engine.replace(specs.map(spec => ({ ...spec, env: { NEW: '1' } })))
  await engine.close(100)
  outcomeAs(await running, 'aborted')
})
