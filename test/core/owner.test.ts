import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { isAlive, type Owner, ownerFromText, ownerToText, thisProcess } from '../../core/owner.ts'

const OWNER_MODULE = new URL('../../core/owner.ts', import.meta.url).href
const PRINT_OWNER = `
  const { thisProcess, ownerToText } = await import(${JSON.stringify(OWNER_MODULE)})
  process.stdout.write(ownerToText(thisProcess()))
  process.stdin.resume()`

const startChild = async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PRINT_OWNER], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [text] = (await once(child.stdout, 'data')) as [Buffer]
  const owner = ownerFromText(String(text))
  assert.ok(owner)
  return { child, owner }
}

test('this process is the same living owner whenever it is asked', () => {
  assert.equal(thisProcess(), thisProcess())
  assert.equal(isAlive(thisProcess()), true)
})

test('an owner survives being written as text', () => {
  assert.deepEqual(ownerFromText(ownerToText(thisProcess())), thisProcess())
})

test('text that no owner was written as is nobody', () => {
  for (const text of ['', 'x', 'a/b/c/d/e', 'id/1/2/boot/space/more', 'id/1/2'])
    assert.equal(ownerFromText(text), undefined, text)
})

test('another process is alive until it is killed', async () => {
  const { child, owner } = await startChild()
  assert.equal(isAlive(owner), true)
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
  assert.equal(isAlive(owner), false)
})

test('a process that was killed and not yet reaped is dead', { skip: process.platform !== 'linux' }, async () => {
  const { child, owner } = await startChild()
  process.kill(owner.pid, 'SIGKILL')
  // Node reaps children in its event loop, so within this turn the child stays a zombie.
  const giveUpAt = performance.now() + 10_000
  while (isAlive(owner) && performance.now() < giveUpAt);
  assert.equal(isAlive(owner), false)
  await once(child, 'exit')
})

test('a pid that was given to another process is not the old owner', { skip: process.platform !== 'linux' }, () => {
  const earlier: Owner = { ...thisProcess(), id: 'earlier', startedAt: thisProcess().startedAt - 1 }
  assert.equal(isAlive(earlier), false)
})

test('an owner of before the last start of the machine is dead', () => {
  assert.equal(isAlive({ ...thisProcess(), id: 'earlier', bootId: 'another boot' }), false)
})

test('an owner in another pid namespace counts as alive, so that only its lease frees its claims', () => {
  assert.equal(isAlive({ ...thisProcess(), id: 'other', pid: 999_999_999, pidSpace: '[1]' }), true)
})
