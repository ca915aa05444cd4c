import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCapacity } from '../../../core/engine/capacity.ts'
import type { Slot, Throttled } from '../../../core/engine/contract.ts'
import { until } from '../../support/until.ts'
import { harness, invocation, invoked, outcomeAs } from './harness.ts'

const never = new AbortController().signal
const one = () => invocation([invoked('{}', 0)])
const slotOf = (slot: Slot | Throttled | undefined): Slot =>
  slot && 'invoke' in slot ? slot : assert.fail(`a slot was expected, got ${JSON.stringify(slot)}`)
const refusalOf = (slot: Slot | Throttled): Throttled => ('invoke' in slot ? assert.fail('was granted') : slot)
const INLINE = { source: 'export const handler = () => {}', isolation: 'inline', maxEnvironments: 10 } as const

const SLOW = {
  source: 'export const handler = () => new Promise(resolve => setTimeout(resolve, 50))',
  isolation: 'inline',
} as const

test('the app as a whole has no more environments than it may, and functions that wait share them evenly', async context => {
  const { engine } = await harness(context, { a: INLINE, b: INLINE }, { maxEnvironments: 4 })
  const held = await Promise.all([1, 2, 3, 4].map(async () => slotOf(await engine.acquire('a', 'ma', never))))
  const granted = { a: 0, b: 0 }
  const slots: Slot[] = []
  const ask = (name: 'a' | 'b') =>
    engine.acquire(name, `m${name}`, never).then(slot => {
      granted[name] += 1
      slots.push(slotOf(slot))
    })
  const asked = [ask('a'), ask('a'), ask('a'), ask('a'), ask('b'), ask('b'), ask('b'), ask('b')]
  for (const slot of held) await slot.invoke(one())
  await until('all four are in use', () => granted.a + granted.b === 4)
  assert.deepEqual(granted, { a: 2, b: 2 })
  while (granted.a + granted.b < 8) await slots.shift()?.invoke(one())
  await Promise.all(asked)
  for (const slot of slots) slot.release()
})

test('an idle environment is ended for another function that has to wait', async context => {
  const { engine, run } = await harness(context, { a: INLINE, b: INLINE }, { maxEnvironments: 1 })
  await run('a')
  assert.equal(engine.stats('a').environments, 1)
  outcomeAs(await run('b'), 'answered')
  await until('it is gone', () => engine.stats('a').environments === 0)
  outcomeAs(await run('a'), 'answered')
})

test('while a function waits for a place its host has time for everything else', async context => {
  const slow = { source: 'export const handler = () => new Promise(resolve => setTimeout(resolve, 200))' }
  const { run } = await harness(context, { a: slow, b: slow }, { maxEnvironments: 1 })
  const reports = await Promise.all([run('a'), run('b'), run('a')])
  for (const report of reports) outcomeAs(report, 'answered')
})

for (const [what, endsIdle] of [
  ['nothing is idle', undefined],
  ['an idle environment cannot be ended', 0],
] as const)
  test(`who waits is asked again only when a place was given back: ${what}`, async () => {
    const capacity = createCapacity(1)
    const nobody = { reserved: 0, idleSinceMs: () => endsIdle, endIdle() {}, serveOne: () => false }
    const holding = capacity.join(nobody)
    let asked = 0
    const waiting = capacity.join({
      ...nobody,
      idleSinceMs: () => undefined,
      serveOne() {
        asked += 1
        // A hang would time the test out and say nothing.
        assert.ok(asked < 10, 'it is asked for ever')
        return waiting.take()
      },
    })
    assert.ok(holding.take())
    assert.ok(!waiting.take())
    await new Promise(setImmediate)
    assert.equal(asked, 0)
    holding.giveBack()
    await new Promise(setImmediate)
    assert.ok(asked > 0)
  })

test('room that is due to a function with fewer is offered to it, and to the next when it wants none', async () => {
  const capacity = createCapacity(3)
  const nobody = { reserved: 0, idleSinceMs: () => undefined, endIdle() {}, serveOne: () => false }
  const few = capacity.join(nobody)
  let got = 0
  const many = capacity.join({
    ...nobody,
    serveOne() {
      if (got === 1 || !many.take()) return false
      got += 1
      return true
    },
  })
  const third = capacity.join(nobody)
  assert.ok(many.take() && third.take() && third.take())
  assert.ok(!few.take(), 'there is no room')
  assert.ok(!many.take(), 'nor for the other')
  third.giveBack()
  await new Promise(setImmediate)
  // `few` wants none any more by then.
  assert.equal(got, 1)
})

test('what is reserved for a function nobody else takes', async context => {
  const { engine } = await harness(context, { a: INLINE, b: { ...INLINE, reserved: 1 } }, { maxEnvironments: 2 })
  const first = slotOf(await engine.acquire('a', 'm', never))
  assert.equal(refusalOf(engine.tryAcquire('a')).throttled, 'app')
  slotOf(engine.tryAcquire('b')).release()
  first.release()
})

test('what is reserved is the next version’s once a function is replaced', async context => {
  const { engine, specs, run } = await harness(
    context,
    { a: { ...INLINE, reserved: 1 }, b: INLINE },
    { maxEnvironments: 2 },
  )
  await run('a')
  engine.replace(specs.map(spec => (spec.name === 'a' ? { ...spec, env: { NEW: '1' } } : spec)))
  await until('the old one has given its place back', () => {
    const slot = engine.tryAcquire('b')
    return 'invoke' in slot
  })
  assert.equal(refusalOf(engine.tryAcquire('b')).throttled, 'app')
  slotOf(engine.tryAcquire('a'))
})

test('direct callers are told to come again: what is busy, and after how long', async context => {
  const { engine } = await harness(context, { a: { ...INLINE, maxEnvironments: 2 } })
  const slots = [slotOf(engine.tryAcquire('a')), slotOf(engine.tryAcquire('a'))]
  const refusal = refusalOf(engine.tryAcquire('a'))
  assert.deepEqual(refusal, {
    throttled: 'function',
    message: 'functions.a: all its 2 environments are busy (maxEnvironments); come again later',
    retryAfterMs: 1_000,
  })
  assert.equal(engine.functions()[0]?.throttled, 1)
  for (const slot of slots) outcomeAs(await slot.invoke(one()), 'answered')
  slotOf(engine.tryAcquire('a')).release()
})

test('no more environments are started at once than the ramp allows; who waits gets one when it goes on', async context => {
  const { engine } = await harness(context, { a: { ...INLINE, rampUp: 2 } })
  const busy = [slotOf(engine.tryAcquire('a')), slotOf(engine.tryAcquire('a'))]
  const refusal = refusalOf(engine.tryAcquire('a'))
  assert.equal(refusal.throttled, 'ramp')
  assert.ok(refusal.retryAfterMs > 4_000 && refusal.retryAfterMs <= 5_000, String(refusal.retryAfterMs))
  const waiting = engine.acquire('a', 'm', never)
  busy[0]?.release()
  slotOf(await waiting).release()
  busy[1]?.release()
})

test('two hundred requests of 50 ms at once run in two hundred environments', { timeout: 60_000 }, async context => {
  const { engine, run } = await harness(context, { f: { ...SLOW, maxEnvironments: 200 } })
  const reports = await Promise.all(
    Array.from({ length: 200 }, (_, index) => run('f', ['{}'], { mapping: `${index}` })),
  )
  for (const report of reports) outcomeAs(report, 'answered')
  assert.equal(new Set(reports.map(({ environment }) => environment)).size, 200)
  assert.deepEqual(engine.stats('f'), {
    environments: 200,
    busy: 0,
    waiting: 0,
    coldStarts: 200,
    invocations: 200,
    throttled: 0,
  })
})

test('fifty environments for two hundred requests: mappings wait and share them, direct callers come again', async context => {
  const { engine, run } = await harness(context, { f: { ...SLOW, maxEnvironments: 50 } })
  const done: string[] = []
  const runs = Array.from({ length: 200 }, (_, index) => {
    const mapping = index < 150 ? 'many' : 'few'
    return run('f', ['{}'], { mapping }).then(report => {
      outcomeAs(report, 'answered')
      done.push(mapping)
    })
  })
  await until('all environments are busy', () => engine.stats('f').busy === 50)
  assert.equal(refusalOf(engine.tryAcquire('f')).throttled, 'function')
  await Promise.all(runs)
  // The first fifty were there before anyone else asked; of the next hundred each mapping has half.
  assert.equal(done.slice(50, 150).filter(mapping => mapping === 'few').length, 50)
  assert.equal(engine.stats('f').environments, 50)
})
