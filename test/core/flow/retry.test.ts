import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deferralStep, delayMs } from '../../../core/flow/retry.ts'

const BACKOFF = { initialMs: 1_000, factor: 2, maxMs: 10_000, jitter: 'none' } as const
const FULL = { ...BACKOFF, jitter: 'full' } as const
const charged = (tries: number, retryAfterMs?: number) => ({ tries, charge: 'charged', retryAfterMs }) as const
const free = (tries: number, retryAfterMs?: number) => ({ tries, charge: 'free', retryAfterMs }) as const

for (const [rule, got, wanted] of [
  ['the first delay is the initial one', delayMs(charged(1), BACKOFF, 0.5), 1_000],
  ['each further delay is longer by the factor', delayMs(charged(3), BACKOFF, 0.5), 4_000],
  ['no delay is longer than the longest', delayMs(charged(5), BACKOFF, 0.5), 10_000],
  ['any number of tries gives a finite delay', delayMs(charged(1_000_000), BACKOFF, 0.5), 10_000],
  ['full jitter spreads the delay from nothing', delayMs(charged(3), FULL, 0), 0],
  ['full jitter spreads the delay up to its length', delayMs(charged(3), FULL, 0.75), 3_000],
  ['a free try waits at least 100 ms', delayMs(free(1), FULL, 0), 100],
  ['a charged one need not', delayMs(charged(1), FULL, 0.001), 1],
  ['a free try waits its delay when that is longer', delayMs(free(3), FULL, 0.5), 2_000],
  ['what the function asked for is the least', delayMs(charged(1, 5_000), FULL, 0.1), 5_000],
  ['what the function asked for may be beyond the longest', delayMs(charged(1, 60_000), BACKOFF, 0.5), 60_000],
  ['a shorter wish does not shorten the delay', delayMs(charged(3, 5), BACKOFF, 0.5), 4_000],
  ['a wish below 100 ms does not make a free try hot', delayMs(free(1, 1), FULL, 0), 100],
  ['a delay is a whole number, rounded up', delayMs(charged(1), FULL, 0.0001), 1],
] as const)
  test(rule, () => assert.equal(got, wanted))

for (const [rule, got, wanted] of [
  ['a source that defers anything keeps the delay', deferralStep(1_234, 'any'), 1_234],
  ['a delay is rounded up to a step', deferralStep(11, [10, 20, 30]), 20],
  ['a step that fits is taken', deferralStep(20, [10, 20, 30]), 20],
  ['beyond the last step it is the last', deferralStep(31, [10, 20, 30]), 30],
  ['a source without steps cannot defer', deferralStep(5, []), undefined],
] as const)
  test(rule, () => assert.equal(got, wanted))
