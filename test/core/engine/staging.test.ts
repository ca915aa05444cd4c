/** Requests staged behind the one that runs: never two at once, and nothing that a single hand-over would not do. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Invocation, Isolation, Report, Slot } from '../../../core/engine/contract.ts'
import type { Environment } from '../../../core/engine/environment.ts'
import { createStaging, depthFor } from '../../../core/engine/staging.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'
import { type Harness, harness, invocation, invoked, outcomeAs, type Written } from './harness.ts'

const NEVER = new AbortController().signal
const DEADLINE_MS = 1_000

/** Answers at once, or does what the record says; counts how many run at a time. */
const SOURCE = `import { appendFileSync } from 'node:fs'
let running = 0, most = 0
export const handler = async ([{ data }], context) => {
  running++
  most = Math.max(most, running)
  const leftMs = context.getRemainingTimeInMillis()
  if (data.note) { context.log.info('began ' + data.note); appendFileSync(data.file, data.note + ' ') }
  await null
  if (data.exit) process.exit(1)
  if (data.spin) for (const end = Date.now() + data.spin; Date.now() < end;);
  if (data.ms) await new Promise(resolve => setTimeout(resolve, data.ms))
  running--
  return { most, leftMs }
}`

interface Staged extends Harness {
  readonly folder: string
  /** Slots that are all staged behind a request that runs. */
  slots(count: number): Promise<readonly Slot[]>
  /** Gives the one environment these requests in one turn, all of them behind another. */
  stage(...requests: readonly Invocation[]): Promise<{ readonly reports: readonly Promise<Report>[] }>
  body(what: object, change?: Partial<Invocation>): Invocation
}

const staged = async (context: TestContext, isolation: Isolation, more: Written = {}): Promise<Staged> => {
  const folder = await temporaryFolder(context)
  const written = { source: SOURCE, isolation, maxEnvironments: 1, timeoutMs: DEADLINE_MS, ...more }
  const made = await harness(context, { f: written })
  const { engine, run } = made
  const take = (count: number): readonly Slot[] => {
    const got = Array.from({ length: count }, () => engine.tryAcquire('f'))
    const taken = got.flatMap(slot => ('throttled' in slot ? [] : [slot]))
    if (taken.length === count) return taken
    for (const slot of taken) slot.release()
    return []
  }
  const slots = (count: number): Promise<readonly Slot[]> =>
    until('the function counts as fast', async () => {
      for (let turn = 0; turn < 40; turn += 1) await run('f')
      const first = run('f', ['{"ms":30}'])
      await until('it has the environment', () => engine.stats('f').busy === 1)
      const taken = take(count)
      if (taken.length > 0) return taken
      await first
      return false
    })
  return {
    ...made,
    folder,
    slots,
    stage: async (...requests) => {
      const taken = await slots(requests.length)
      return { reports: requests.map((request, index) => (taken[index] as Slot).invoke(request)) }
    },
    body: (what, change) => invocation([invoked(JSON.stringify({ ...what, file: join(folder, 'began') }), 0)], change),
  }
}

for (const isolation of ['process', 'thread'] as const) {
  const stagedTest = (what: string, run: (made: Staged) => Promise<void>): void => {
    test(`${isolation}: ${what}`, async context => {
      await run(await staged(context, isolation))
    })
  }

  stagedTest(
    'staged requests run one at a time, in their order, in one environment',
    async ({ stage, body, folder }) => {
      const { reports } = await stage(...['a', 'b', 'c', 'd'].map(note => body({ note, ms: 5 })))
      const all = await Promise.all(reports)
      assert.equal(await readFile(join(folder, 'began'), 'utf8'), 'a b c d ')
      assert.equal(new Set(all.map(report => report.environment)).size, 1)
      for (const report of all) assert.equal((outcomeAs(report, 'answered').value as { most: number }).most, 1)
    },
  )

  stagedTest('a function that turns out slow is handed one at a time again', async ({ slots, run, engine }) => {
    for (const slot of await slots(2)) slot.release()
    await until('what ran has ended', () => engine.stats('f').busy === 0)
    for (let turn = 0; turn < 10; turn += 1) await run('f', ['{"ms":30}'])
    const running = run('f')
    await until('it has the environment', () => engine.stats('f').busy === 1)
    assert.ok('throttled' in engine.tryAcquire('f'))
    await running
  })

  stagedTest('the time of a staged request begins when the one before has answered', async ({ stage, body }) => {
    const { reports } = await stage(body({ ms: 700 }), body({ ms: 700 }))
    const second = (await Promise.all(reports))[1] as Report
    const { leftMs } = outcomeAs(second, 'answered').value as { leftMs: number }
    assert.ok(leftMs > DEADLINE_MS - 150, `it had ${leftMs} ms`)
    assert.ok(second.durationMs < 950, `it took ${second.durationMs} ms, as reported`)
  })

  stagedTest('staged requests of an environment that ended run elsewhere, once, in their order', async made => {
    const { stage, body, folder, engine } = made
    const { reports } = await stage(body({ note: 'a', exit: true }), body({ note: 'b' }), body({ note: 'c' }))
    const [died, ...others] = await Promise.all(reports)
    assert.equal(outcomeAs(died as Report, 'failed').error.code, 'FUNCTION_CRASHED')
    for (const report of others) {
      outcomeAs(report, 'answered')
      assert.notEqual(report.environment, died?.environment)
    }
    assert.equal(await readFile(join(folder, 'began'), 'utf8'), 'a b c ')
    assert.equal(engine.stats('f').busy, 0)
    assert.equal(engine.stats('f').environments, 1)
  })

  for (const slow of [{ ms: 800 }, { spin: 800 }])
    test(`${isolation}: what waits behind a request that turns out slow runs elsewhere, once: ${Object.keys(slow)}`, async context => {
      const { stage, body, folder, engine } = await staged(context, isolation)
      const { reports } = await stage(body({ note: 'slow', ...slow }), body({ note: 'a' }), body({ note: 'b' }))
      await until('what is behind has left its place', () => engine.stats('f').waiting === 2)
      const [first, ...others] = await Promise.all(reports)
      for (const report of [first, ...others]) outcomeAs(report as Report, 'answered')
      assert.equal(await readFile(join(folder, 'began'), 'utf8'), 'slow a b ')
      assert.ok(
        others.every(report => report.durationMs < 500),
        'the wait is no part of what it took',
      )
    })

  test(`${isolation}: a slow request holds nothing up while there may be other environments`, async context => {
    const { engine, run } = await staged(context, isolation, { maxEnvironments: 2 })
    const report = await until('the function counts as fast', async () => {
      for (let turn = 0; turn < 40; turn += 1) await run('f')
      const areBothThere = engine.stats('f').environments === 2
      const slow = run('f', ['{"spin":900}'])
      await until('it has the environment', () => engine.stats('f').busy === 1)
      const behind = run('f')
      const first = await Promise.race([slow, behind])
      await Promise.all([slow, behind])
      // A staged one, or the first start of another environment would be no news.
      return areBothThere && first
    })
    assert.ok(report.durationMs < 500, `the slow one was first, after ${report.durationMs} ms`)
  })

  stagedTest('a timeout is charged to the request that ran, and to none behind it', async ({ stage, body }) => {
    const { reports } = await stage(body({ ms: 60_000 }), body({}))
    const [first, second] = await Promise.all(reports)
    assert.equal(outcomeAs(first as Report, 'failed').error.code, 'FUNCTION_TIMEOUT')
    outcomeAs(second as Report, 'answered')
  })

  stagedTest('a staged request whose claims are lost never begins', async ({ stage, body, folder, lines }) => {
    const lost = new AbortController()
    const { reports } = await stage(body({ note: 'a', ms: 200 }), body({ note: 'b' }, { signal: lost.signal }))
    await until('the first runs', () => lines.includes('info began a'))
    lost.abort()
    outcomeAs((await reports[1]) as Report, 'aborted')
    outcomeAs((await reports[0]) as Report, 'answered')
    assert.equal(await readFile(join(folder, 'began'), 'utf8'), 'a ')
  })

  stagedTest('a request that is to be alone is, also when its slot was one behind another', async made => {
    const { stage, body, engine, lines } = made
    const { reports } = await stage(body({ note: 'a', ms: 50 }), body({ note: 'b', ms: 300 }, { alone: true }))
    await until('it runs', () => lines.includes('info began b'))
    outcomeAs((await reports[0]) as Report, 'answered')
    assert.ok('throttled' in engine.tryAcquire('f'))
    outcomeAs((await reports[1]) as Report, 'answered')
  })

  stagedTest('a request that is to be alone leaves its place behind another to those after it', async made => {
    const { stage, body, folder } = made
    const { reports } = await stage(body({ note: 'a' }), body({ note: 'alone' }, { alone: true }), body({ note: 'b' }))
    for (const report of await Promise.all(reports)) outcomeAs(report, 'answered')
    assert.equal(await readFile(join(folder, 'began'), 'utf8'), 'a b alone ')
  })

  stagedTest('nothing is staged on a version that was replaced', async ({ slots, body, engine, specs }) => {
    const [granted] = await slots(1)
    engine.replace(specs.map(spec => ({ ...spec, env: { NEW: '1' } })))
    outcomeAs((await granted?.invoke(body({}))) as Report, 'aborted')
  })

  stagedTest('slots that were staged may be given back unused', async ({ slots, engine }) => {
    const [early, late] = await slots(2)
    early?.release()
    await until('only the other one holds the environment', () => engine.stats('f').invocations > 0)
    late?.release()
    await until('it is free', () => engine.stats('f').busy === 0)
    assert.equal(engine.stats('f').environments, 1)
  })

  stagedTest('mappings share what is staged as they share environments', async ({ body, engine }) => {
    const done = { a: 0, b: 0 }
    let left = 200
    const shares: (typeof done)[] = []
    const ask = async (mapping: 'a' | 'b'): Promise<void> => {
      while (left > 0) {
        left -= 1
        const slot = await engine.acquire('f', mapping, NEVER)
        await slot?.invoke(body({}))
        done[mapping] += 1
        if (left === 0) shares.push({ ...done })
      }
    }
    // One asks with thirty at once, the other with twenty: both more than there is room for.
    await Promise.all([...Array(30).fill('a'), ...Array(20).fill('b')].map(ask))
    const [{ a, b } = done] = shares
    assert.ok(a / b > 0.7 && a / b < 1.45, `a had ${a}, b ${b}`)
  })

  test(`${isolation}: of two busy environments, the one whose request is alone has none staged`, async context => {
    const { run, engine, body } = await staged(context, isolation, { maxEnvironments: 2 })
    const apart = () => run('f', ['{"ms":40}'], { alone: true })
    // Before: one that has to be started first might begin when the other has ended.
    await until('both are there', async () => {
      await Promise.all([apart(), apart()])
      return engine.stats('f').environments === 2
    })
    const { alone, shared, behind } = await until('the function counts as fast', async () => {
      for (let turn = 0; turn < 40; turn += 1) await run('f')
      const both = Promise.all([apart(), run('f', ['{"ms":40}'])])
      await until('both run', () => engine.stats('f').busy === 2)
      const slot = engine.tryAcquire('f')
      const report = 'throttled' in slot ? undefined : await slot.invoke(body({}))
      const [first, second] = await both
      return report && { alone: first, shared: second, behind: report }
    })
    assert.equal(behind.environment, shared.environment)
    assert.notEqual(behind.environment, alone.environment)
  })

  test(`${isolation}: functions that print, or want their reports as lines, have one at a time`, async context => {
    for (const more of [{ source: 'export const handler = () => console.log("x")' }, { reportLines: true }]) {
      const { run, engine } = await staged(context, isolation, more)
      for (let turn = 0; turn < 20; turn += 1) await run('f')
      const running = run('f')
      await until('it has the environment', () => engine.stats('f').busy === 1)
      assert.ok('throttled' in engine.tryAcquire('f'))
      await running
    }
  })
}

test('the busy one with the fewest has the next, never behind one that is alone, and none for a slow function', () => {
  const environment = (id: string): Environment =>
    ({ id, takesNext: () => true }) as Partial<Environment> as Environment
  const [a, b, c] = ['a', 'b', 'c'].map(environment) as [Environment, Environment, Environment]
  const staging = createStaging()
  staging.begin(a, 'shared')
  assert.equal(staging.next(), undefined, 'nothing is known of the function yet')
  staging.measured(0.9)
  staging.begin(b, 'shared')
  staging.begin(c, 'alone')
  assert.deepEqual(
    Array.from({ length: 7 }, () => staging.next()?.id),
    ['a', 'b', 'a', 'b', 'a', 'b', undefined],
  )
  assert.equal(staging.end(c), 0)
  assert.equal(staging.end(a), 3)
  assert.equal(staging.next()?.id, 'a')
  staging.measured(20)
  assert.equal(staging.next(), undefined)
})

test('how deep: as many as are done within 4 ms, at most 16, and none where one takes a millisecond', () => {
  const depths = [0.001, 0.06, 0.25, 0.4, 0.6, 0.99, 1, 5, 1_000].map(depthFor)
  assert.deepEqual(depths, [16, 16, 16, 10, 6, 4, 1, 1, 1])
})
