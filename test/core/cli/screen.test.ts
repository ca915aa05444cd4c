import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppMappingStatus, AppStatus } from '../../../core/app-status.ts'
import { renderScreen, type Size, type View } from '../../../core/cli/screen.ts'
import { statusText } from '../../../core/cli/status.ts'
import { newCounters } from '../../../core/flow/flow.ts'
import type { MappingStatus } from '../../../core/flow/status.ts'

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)

const status = (change: Partial<MappingStatus> = {}): MappingStatus => ({
  name: 'charge',
  channel: 'local/orders',
  function: 'charge',
  state: 'running',
  healthy: true,
  inFlight: 0,
  inFlightBytes: 0,
  waiting: 0,
  running: 0,
  blocked: [],
  stopped: [],
  breaker: 'closed',
  counts: newCounters(),
  ...change,
})

const mapping = (change: Partial<MappingStatus> = {}): AppMappingStatus => ({ ...status(change), replay: status() })

const app = (mappings: readonly AppMappingStatus[]): AppStatus => ({
  name: 'shop',
  state: 'running',
  ready: true,
  startedAt: NOW - 65_000,
  mappings,
  functions: [
    {
      name: 'charge',
      limits: { memory: 'sampled', cpu: 'off', processes: 'none' },
      version: '0123456789ab',
      environments: 2,
      busy: 1,
      waiting: 0,
      coldStarts: 2,
      invocations: 1_500,
      throttled: 0,
      usage: { requests: 1_500, billedMs: 300_000, gbSeconds: 75.5, estimatedUsd: 0.0015 },
    },
  ],
})

const view = (mappings: readonly AppMappingStatus[], change: Partial<View> = {}): View => ({
  status: app(mappings),
  perSecond: new Map([['charge', 120]]),
  log: [],
  now: NOW,
  hint: 'Ctrl-C stops',
  ...change,
})

const screen = (of: View, size: Size = { columns: 100, rows: 12 }): readonly string[] =>
  renderScreen(of, size).split('\n')

test('the screen shows the app, its mappings, its functions and the end of the log', () => {
  const counts = { ...newCounters(), accepted: 12_345, retried: 7, parked: 2 }
  const log = ['one', 'two'].map(message => ({ time: NOW, level: 'info' as const, message, fields: {} }))
  assert.deepEqual(screen(view([mapping({ counts, inFlight: 40, waiting: 3 })], { log })), [
    'millrace shop · running for 1m                                                          Ctrl-C stops',
    '',
    'MAPPING  READS         STATE    PER SECOND  ACCEPTED  RETRIED  PARKED  IN FLIGHT  WAITING',
    'charge   local/orders  running         120    12,345        7       2         40        3',
    '',
    'FUNCTION  VERSION   ENVIRONMENTS  BUSY  INVOCATIONS  COLD STARTS  GB-S  LAMBDA $',
    'charge    01234567             2     1        1,500            2  75.5  0.0015',
    '',
    '03:04:05.000 info  one',
    '03:04:05.000 info  two',
    '',
    '',
  ])
})

test('what is wrong goes before what a mapping does, and is explained below', () => {
  const shown = screen(
    view([
      mapping({ breaker: 'open', lastError: { code: 'FUNCTION_FAILED', message: 'Error: no\x1b[2J way' } }),
      mapping({ name: 'mail', healthy: false, blocked: ['lane: key'] }),
      mapping({ name: 'old', state: 'failed' }),
    ]),
    { columns: 100, rows: 14 },
  )
  assert.deepEqual(
    shown.slice(3, 6).map(line => /local\/orders {2}(\w+(?: \w+)?) {2}/.exec(line)?.[1]),
    ['breaker open', 'unhealthy', 'failed'],
  )
  assert.deepEqual(shown.slice(6, 8), ['! charge: Error: no\\x1b[2J way', '! mail: waits for lane: key'])
})

test('the screen is never larger than the terminal, and says what does not fit', () => {
  const many = Array.from({ length: 30 }, (_, index) => mapping({ name: `mapping-${index}` }))
  for (const size of [
    { columns: 20, rows: 5 },
    { columns: 80, rows: 24 },
    { columns: 1, rows: 1 },
  ]) {
    const shown = screen(view(many), size)
    assert.equal(shown.length, size.rows)
    for (const line of shown) assert.ok([...line].length <= size.columns, line)
  }
  assert.match(screen(view(many), { columns: 80, rows: 24 }).at(-1) ?? '', /^… \d+ lines more$/)
})

test('no escape sequence of a record, key, name or log line reaches the screen', () => {
  const evil = '\x1b]0;owned\x07\x1b[2J\u202e'
  const log = [{ time: NOW, level: 'info' as const, message: evil, fields: { evil } }]
  const shown = renderScreen(
    view([mapping({ name: evil, channel: evil, blocked: [evil], lastError: { code: 'X', message: evil } })], { log }),
    { columns: 200, rows: 20 },
  )
  assert.doesNotMatch(shown, /[^\P{C}\n]/u)
})

test('status says plainly when nothing runs, and shows each process that does', () => {
  const at = { now: NOW, stateDir: '/app/.millrace' }
  assert.equal(statusText([], at), 'nothing runs on /app/.millrace; millrace start runs the app')
  const lastError = { code: 'FUNCTION_FAILED', message: 'Error: no' }
  const shown = statusText([{ pid: 7, updatedAt: NOW - 9_000, status: app([mapping({ lastError })]) }], at)
  assert.deepEqual(shown.split('\n'), [
    'shop · process 7 · running for 1m · said nothing for 9s',
    'MAPPING  READS         STATE    RECEIVED  ACCEPTED  RETRIED  PARKED  IN FLIGHT  REPLAYED',
    'charge   local/orders  running         0         0        0       0          0         0',
    '! charge: Error: no (FUNCTION_FAILED)',
    '',
    'FUNCTION  VERSION   ENVIRONMENTS  BUSY  INVOCATIONS  COLD STARTS  GB-S  LAMBDA $',
    'charge    01234567             2     1        1,500            2  75.5  0.0015',
    'limits of charge: memory sampled, CPU all there is (cpuShares is off), processes none',
  ])
})

test('a mapping that waits for its source says for what, since when and why', () => {
  const waitsForSource = { since: NOW - 125_000, message: 'the broker cannot be reached' }
  const lastError = { code: 'SOURCE_FAILED', message: waitsForSource.message }
  const waiting = mapping({ state: 'starting', waitsForSource, lastError })
  const line = '! charge: waits for local/orders since 2m: the broker cannot be reached'
  const shown = statusText([{ pid: 7, updatedAt: NOW, status: app([waiting]) }], { now: NOW, stateDir: '/app' })
  assert.match(shown, /local\/orders {2}waits for source {2}/)
  assert.equal(shown.split('\n')[3], line)
  assert.equal(screen(view([waiting]))[4], line)
})

test('what stopped behind a dead letter is shown with what to do', () => {
  const line = '! charge: stopped behind dead letters: 0, 1: k; replay them, or millrace resume charge'
  const stopped = mapping({ stopped: ['0', '1: k'] })
  assert.equal(screen(view([stopped]))[4], line)
  const shown = statusText([{ pid: 7, updatedAt: NOW, status: app([stopped]) }], { now: NOW, stateDir: '/app' })
  assert.equal(shown.split('\n')[3], line)
})
