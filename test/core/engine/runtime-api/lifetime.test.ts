/** What a program does between requests, and how it ends. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../../../support/until.ts'
import { invocation, invoked, outcomeAs } from '../harness.ts'
import { programs } from './programs.ts'

test('what a program prints is in the log and in the report of its invocation', async context => {
  const { run, lines } = await programs(context, {
    f: {
      source:
        "console.log('starting'); await serve(([{ data }]) => { console.log('out', data); console.error('err', data); return 1 })",
    },
  })
  await run('f', ['1'])
  const report = await run('f', ['2'])
  assert.deepEqual(report.logs.toSorted(), ['err 2', 'out 2'])
  for (const line of ['info starting', 'info out 1', 'warn err 1', 'info out 2'])
    assert.ok(lines.includes(line), lines.join('\n'))
})

test('the claims are lost: a program that ends in time stays, whatever it answers; one that does not is ended', async context => {
  const { run, engine, lines } = await programs(context, {
    f: {
      source: "await serve(async ([{ data }]) => { console.log('runs'); await new Promise(r => setTimeout(r, data)) })",
    },
  })
  const loseWhileIt = async (ms: number): Promise<void> => {
    const lost = new AbortController()
    lines.length = 0
    const running = run('f', [String(ms)], { signal: lost.signal })
    await until('it runs', () => lines.includes('info runs'))
    lost.abort()
    outcomeAs(await running, 'aborted')
  }
  await loseWhileIt(300)
  assert.equal(engine.stats('f').environments, 1)
  await loseWhileIt(60_000)
  assert.equal(engine.stats('f').environments, 0)
})

test('what it does between an answer and the next request delays nobody but the next request', async context => {
  const { run } = await programs(context, {
    f: {
      source: `for (;;) {
        const { id, event } = await next()
        await respond(id, process.pid)
        if (event[0].data.linger) await new Promise(r => setTimeout(r, event[0].data.linger))
      }`,
    },
  })
  const first = await run('f', ['{"linger":700}'])
  assert.ok(first.durationMs < 600, `answered after ${first.durationMs} ms`)
  const second = await run('f')
  assert.equal(outcomeAs(second, 'answered').value, outcomeAs(first, 'answered').value)
  // Its time counts from when it was taken.
  assert.ok(second.durationMs < 600, `answered after ${second.durationMs} ms`)
})

test('a program that never asks again is replaced, and the request goes to another free of charge', async context => {
  const { run } = await programs(context, {
    f: {
      timeoutMs: 600,
      source: `const { id } = await next(); await respond(id, process.pid); setInterval(() => {}, 1000)`,
    },
  })
  const first = outcomeAs(await run('f'), 'answered').value
  const second = outcomeAs(await run('f'), 'answered').value
  assert.notEqual(second, first)
})

test('a program may end after each answer', async context => {
  const { run } = await programs(context, {
    f: { source: 'const { id } = await next(); await respond(id, process.pid); process.exit(0)' },
  })
  const first = outcomeAs(await run('f'), 'answered').value
  const second = outcomeAs(await run('f'), 'answered').value
  assert.notEqual(second, first)
})

test('when the engine closes, an idle program gets SIGTERM and may tidy up', async context => {
  const { run, engine, lines } = await programs(context, {
    f: { source: "process.on('SIGTERM', () => { console.log('tidied'); process.exit(0) }); await serve(() => 1)" },
  })
  await run('f')
  await engine.close(5_000)
  assert.ok(lines.includes('info tidied'), lines.join('\n'))
})

test('one that is busy may finish within the grace, one that does not is reported as aborted', async context => {
  const { engine, lines } = await programs(context, {
    f: {
      source:
        "await serve(async ([{ data }]) => { console.log('runs', data); await new Promise(r => setTimeout(r, data)); return data })",
    },
  })
  const running = ['150', '60000'].map(async (body, index) => {
    const slot = await engine.acquire('f', 'm', new AbortController().signal)
    return slot?.invoke(invocation([invoked(body, 0)], { requestId: `request-${index}` }))
  })
  await until('both run', () => ['info runs 150', 'info runs 60000'].every(line => lines.includes(line)))
  await engine.close(1_500)
  const [short, long] = await Promise.all(running)
  assert.equal(short?.outcome.kind, 'answered')
  assert.equal(long?.outcome.kind, 'aborted')
})
