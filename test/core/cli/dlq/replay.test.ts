import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppMappingStatus } from '../../../../core/app-status.ts'
import { withoutHost } from '../../../../core/cli/dlq/watch.ts'
import { newCounters } from '../../../../core/flow/flow.ts'
import type { MappingStatus } from '../../../../core/flow/status.ts'
import type { ProcessStatus } from '../../../../core/status-board.ts'

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)

const status = (state: MappingStatus['state']): MappingStatus => ({
  name: 'charge',
  channel: 'local/orders',
  function: 'charge',
  state,
  healthy: true,
  inFlight: 0,
  inFlightBytes: 0,
  waiting: 0,
  running: 0,
  blocked: [],
  stopped: [],
  breaker: 'closed',
  counts: newCounters(),
})

const hosting = (replay: MappingStatus['state'], updatedAt = NOW): ProcessStatus => {
  const mapping: AppMappingStatus = { ...status('running'), replay: status(replay) }
  return {
    pid: 7,
    updatedAt,
    status: { name: 'shop', state: 'running', ready: true, startedAt: NOW, mappings: [mapping], functions: [] },
  }
}

const PARTS = [
  { mapping: 'charge', state: 'open' },
  { mapping: 'mail', state: 'taken' },
  { mapping: 'mail', state: 'open' },
  { mapping: 'old', state: 'done' },
] as const

test('a mapping is hosted by an app that reads its replays', () => {
  assert.deepEqual(withoutHost(PARTS, [hosting('running')], NOW), ['mail'])
  assert.deepEqual(withoutHost(PARTS, [hosting('paused')], NOW), ['charge', 'mail'])
  assert.deepEqual(withoutHost(PARTS, [], NOW), ['charge', 'mail'])
})

test('an app that has said nothing for half a minute hosts nothing', () => {
  assert.deepEqual(withoutHost(PARTS, [hosting('running', NOW - 29_000)], NOW), ['mail'])
  assert.deepEqual(withoutHost(PARTS, [hosting('running', NOW - 30_000)], NOW), ['charge', 'mail'])
})
