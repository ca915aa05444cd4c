import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeHttp } from './judge.ts'
import { runHttpChaos } from './run.ts'

const whole = (n: number) => ({ n, whole: 'whole' as const, lane: '', offset: 0 })

test('the judge finds what was acknowledged and is not there, what nobody acknowledged, and what was answered wrongly', () => {
  const answers = Uint16Array.from({ length: 20 }, (_, n) => (n === 18 ? 400 : 202))
  const effects = Array.from({ length: 18 }, (_, n) => whole(n)).concat(whole(19))
  const right = judgeHttp(answers, effects, [17])
  assert.deepEqual([right.ok, right.acknowledged, right.refused, right.duplicates], [true, 19, 1, 0])
  assert.equal(judgeHttp(answers, effects.slice(1), [17]).lost, 1)
  assert.equal(judgeHttp(answers, effects.slice(1), [0, 17]).lost, 0)
  assert.equal(judgeHttp(answers, effects, []).lost, 1)
  assert.equal(judgeHttp(answers, [...effects, whole(18)], [17]).unexpected, 1)
  assert.equal(judgeHttp(answers, [...effects, { ...whole(3), whole: 'corrupted' }], [17]).corrupted, 1)
  assert.equal(judgeHttp(answers.with(18, 202), effects, [17]).ok, false)
  assert.equal(judgeHttp(answers, [...effects, whole(3)], [17]).duplicates, 1)
})

test('what was answered 202 is in the ledger, though the app is killed all the time', {
  timeout: 120_000,
}, async () => {
  const report = await runHttpChaos({ records: 1_500, killEveryMs: 600, mostKills: 4, seed: 1, say: () => {} })
  assert.ok(report.ok, JSON.stringify(report))
  assert.ok(report.kills > 0, 'it was killed while requests came in')
})
