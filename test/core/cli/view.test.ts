import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppStatus } from '../../../core/app-status.ts'
import { isCode, isIgnored } from '../../../core/cli/dev.ts'
import type { Terminal } from '../../../core/cli/host.ts'
import { chooseShow, openView } from '../../../core/cli/view.ts'
import { systemClock } from '../../../core/clock.ts'

const terminal = (written: string[]): Terminal => ({
  cwd: '/',
  stdin: process.stdin,
  stdout: { isTTY: true, columns: 40, rows: 6, write: text => written.push(text) },
  stderr: { write: () => {} },
  onSignal: () => () => {},
  onReload: () => () => {},
})

const status: AppStatus = {
  name: 'shop',
  state: 'running',
  ready: true,
  startedAt: undefined,
  mappings: [],
  functions: [],
}

test('a terminal gets the screen, everything else lines', () => {
  const live = terminal([])
  const piped = { ...live, stdout: { write: () => {} } }
  assert.equal(chooseShow(live, {}), 'screen')
  assert.equal(chooseShow(live, { plain: true }), 'lines')
  assert.equal(chooseShow(live, { json: true }), 'json')
  assert.equal(chooseShow(piped, {}), 'lines')
})

test('the live view leaves the terminal as it found it and the end of the log below', () => {
  const written: string[] = []
  const view = openView('screen', terminal(written), systemClock)
  view.follow(() => status)
  view.log.info('about to stop')
  view.hint('stopping')
  view.close()
  const all = written.join('')
  assert.ok(all.startsWith('\x1b[?1049h\x1b[?25l\x1b[?7l'))
  assert.ok(all.includes('millrace shop · running') && all.includes('stopping'))
  assert.match(all.slice(all.lastIndexOf('\x1b[?1049l')), /^\S+\d\d:\d\d:\d\d\.\d{3} info {2}about to stop\n$/)
})

test('dev does not watch packages, state, or what editors keep beside a file', () => {
  for (const path of ['node_modules/a/b.js', '.millrace/millrace.db', '.git/index', 'a/.b.ts.swp', 'a/b.ts~', 'a/4913'])
    assert.ok(isIgnored('/node_modules/app', `/node_modules/app/${path}`), path)
  for (const path of ['millrace.config.ts', 'functions/charge.ts', 'a/.env'])
    assert.ok(!isIgnored('/node_modules/app', `/node_modules/app/${path}`), path)
})

test('dev takes changes of what Node loads and of programs, not of what an app writes', () => {
  for (const path of ['a.ts', 'a.mts', 'a.js', 'a.cjs', 'rates.json', 'f/price.py', 'f/bootstrap', 'f.zip'])
    assert.ok(isCode(path), path)
  for (const path of ['f/__pycache__/price.cpython-311.pyc', 'dev.log', 'got', 'got.ndjson', 'a.ts.map', 'sedfqoqEt'])
    assert.ok(!isCode(path), path)
})
