import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep, systemClock } from '../../../core/clock.ts'
import type { Report } from '../../../core/engine/contract.ts'
import { endLines } from '../../../core/engine/report-lines.ts'
import { until } from '../../support/until.ts'
import { type Harness, harness, outcomeAs } from './harness.ts'

/** Answers with what was called before it. */
const SOURCE = `const calls = ['import']
  export const beforeSnapshot = async () => { calls.push('beforeSnapshot') }
  export const afterRestore = async () => { calls.push('afterRestore'); console.log('restored') }
  export const handler = () => [calls.join(), process.env.AWS_LAMBDA_INITIALIZATION_TYPE]`
const SEEN = ['import,beforeSnapshot,afterRestore', 'snap-start']

const spareMade = ({ engine }: Harness, name = 'f'): Promise<boolean> =>
  until('a spare is there', () => engine.stats(name).environments === 1 && engine.stats(name).busy === 0)

const answerOf = (report: Report): unknown => outcomeAs(report, 'answered').value

for (const isolation of ['process', 'thread'] as const)
  test(`${isolation}: a cold start takes the spare, whose hooks have run; one without does all by itself`, async context => {
    const made = await harness(context, { f: { source: SOURCE, isolation, snapshot: true } })
    await spareMade(made)
    const both = await Promise.all([made.run('f'), made.run('f')])
    assert.deepEqual(both.map(answerOf), [SEEN, SEEN])
    assert.deepEqual(
      both.map(({ cold, coldStart }) => [cold, coldStart?.from]),
      [
        [true, 'snapshot'],
        [true, 'new'],
      ],
    )
    const [restored, started] = both
    assert.equal(restored.initMs, undefined)
    assert.ok((restored.restoreMs ?? 0) > 0 && restored.billedMs >= (restored.restoreMs ?? 0))
    assert.ok((started.initMs ?? 0) > 0 && (started.restoreMs ?? 0) > 0)
    assert.match(endLines('r', restored)[1] ?? '', /\tRestore Duration: [\d.]+ ms\tBilled Restore Duration: \d+ ms$/)
    assert.doesNotMatch(endLines('r', restored)[1] ?? '', /Init Duration/)
    const warm = await made.run('f')
    assert.deepEqual([warm.cold, warm.restoreMs, answerOf(warm)], [false, undefined, SEEN])
  })

test('another spare is made when one was taken, and only where there is room', async context => {
  const made = await harness(context, { f: { source: SOURCE, snapshot: true, maxEnvironments: 2 } })
  await spareMade(made)
  await made.run('f')
  await until('there is another', () => made.engine.stats('f').environments === 2)
  const both = await Promise.all([made.run('f'), made.run('f')])
  assert.deepEqual(both.map(({ coldStart }) => coldStart?.from).sort(), ['snapshot', undefined])
  // Longer than it takes to look for room twice.
  await sleep(systemClock, 600)
  assert.equal(made.engine.stats('f').environments, 2)
  await made.engine.close(0)
  assert.equal(made.engine.stats('f').environments, 0)
})

test('a spare gives way to a function that has to wait', async context => {
  const plain = { source: 'export const handler = () => 1', isolation: 'inline' } as const
  const made = await harness(context, { f: { source: SOURCE, snapshot: true }, g: plain }, { maxEnvironments: 1 })
  await spareMade(made)
  assert.equal(answerOf(await made.run('g')), 1)
  assert.equal(made.engine.stats('g').environments, 1)
  assert.deepEqual(answerOf(await made.run('f')), SEEN)
})

for (const [what, body, says] of [
  ['throws', "throw new Error('no licence')", /its afterRestore failed: Error: no licence/],
  ['does not end', 'return new Promise(() => {})', /its afterRestore did not finish/],
  ['ends the process', 'process.exit(3)', /in its afterRestore, .*exit code 3/],
] as const)
  test(`an afterRestore that ${what} leaves the function not ready`, async context => {
    const source = `export const afterRestore = () => { ${body} }; export const handler = () => {}`
    const made = await harness(context, { f: { source, snapshot: true, initTimeoutMs: 1_500 } })
    await spareMade(made)
    const { error } = outcomeAs(await made.run('f'), 'not-ready')
    assert.equal(error.code, 'FUNCTION_INIT_FAILED')
    assert.match(error.message, says)
  })

test('a spare that cannot be made is tried again later, and a cold start meanwhile says why', async context => {
  const source = `export const beforeSnapshot = () => { throw new RangeError('too much') }; export const handler = () => {}`
  const made = await harness(context, { f: { source, snapshot: true } })
  await until('it is told', () =>
    made.lines.some(line =>
      /snapshot could not be made: .*beforeSnapshot failed: RangeError: too much; tried again in 1000 ms/.test(line),
    ),
  )
  assert.equal(made.engine.stats('f').environments, 0)
  assert.match(outcomeAs(await made.run('f'), 'not-ready').error.message, /beforeSnapshot failed/)
})

test('AWS_LAMBDA_INITIALIZATION_TYPE tells how an environment came to be', async context => {
  const source = 'export const handler = () => process.env.AWS_LAMBDA_INITIALIZATION_TYPE'
  const made = await harness(context, { f: { source }, p: { source, provisioned: 1, maxEnvironments: 1 } })
  assert.equal(answerOf(await made.run('f')), 'on-demand')
  assert.equal(answerOf(await made.run('p')), 'provisioned-concurrency')
})
