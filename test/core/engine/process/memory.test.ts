import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { familyMemoryMb, privateMemoryMb } from '../../../../core/engine/process/memory.ts'
import { startChild } from '../../../support/child.ts'

test('the memory of a process is its own, that of its family what its children have, too', {
  skip: existsSync('/proc/self/statm') ? false : 'only Linux tells how much memory a process has for itself',
}, async context => {
  const hog = "const all = Buffer.alloc(150e6, 1); console.log('has it', process.pid); setInterval(() => all, 1000)"
  // No exec: the shell waits for it.
  const shell = startChild(context, 'sh', ['-c', `'${process.execPath}' -e "${hog}"; true`])
  const hogPid = Number((await shell.line(/has it/)).split(' ')[2])
  assert.ok((privateMemoryMb(shell.pid) ?? 0) < 20)
  assert.ok((familyMemoryMb(shell.pid) ?? 0) > 140)
  process.kill(hogPid)
  await shell.ended
  assert.equal(familyMemoryMb(shell.pid), undefined)
})
