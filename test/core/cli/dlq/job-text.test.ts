import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jobsText, planText, progressText } from '../../../../core/cli/dlq/job-text.ts'
import type { JobStatus } from '../../../../dlq/replay-store.ts'

const job = (change: Partial<JobStatus> = {}): JobStatus => ({
  id: '01kpw72g3001',
  state: 'running',
  createdAt: 0,
  operator: 'ada',
  reason: 'mended',
  target: { kind: 'function' },
  selected: 1_000,
  resolved: 240,
  failed: 10,
  underWay: 5,
  parts: [],
  ...change,
})

test('progress is a bar, how many of how many, what failed, the rate and the time left', () => {
  assert.equal(
    progressText(job(), { perSecond: 50.4 }),
    '[======                  ] 25 % · 250 of 1,000 · 10 failed · 50/s · 15 s left',
  )
  assert.equal(
    progressText(job({ failed: 0 }), { perSecond: 0 }),
    '[=====                   ] 24 % · 240 of 1,000 · 0/s',
  )
  assert.equal(
    progressText(job({ state: 'paused', selected: 0, resolved: 0, failed: 0 }), { perSecond: 0 }),
    '[========================] 100 % · 0 of 0 · paused',
  )
})

test('a list of replays has a line for each', () => {
  assert.match(jobsText([job()], 60_000), /\n01kpw72g3001 +running +1,000 +240 +10 +5 +1m +its function +ada: mended$/)
  assert.equal(jobsText([], 0), 'no replays')
})

test('a plan says what stands in the way', () => {
  const targets = [
    {
      mapping: 'charge',
      source: 'shop/orders',
      letters: 2,
      obstacle: 'waits: the configuration has no mapping of this name',
    },
  ]
  const plan = { selected: 2, targets, ineligible: [{ reason: 'quarantined', letters: 3 }], errors: [] } as const
  const text = planText(plan, { kind: 'channel', address: 'shop/\u001b[2J' })
  assert.match(text, /^2 dead letters would be replayed to shop\/\\x1b\[2J\n/)
  assert.match(text, /charge +shop\/orders +2 +waits: the configuration has no mapping of this name\n/)
  assert.match(text, /not replayed: 3 quarantined$/)
})
