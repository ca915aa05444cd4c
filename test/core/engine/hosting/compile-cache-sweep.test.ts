import assert from 'node:assert/strict'
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { sweepCompileCache } from '../../../../core/engine/hosting/compile-cache-sweep.ts'
import { temporaryFolder } from '../../../support/folder.ts'

test('of too much compiled code the oldest goes, until half of what may be is left', async context => {
  const dir = await temporaryFolder(context)
  const folder = join(dir, 'v24')
  await mkdir(folder)
  for (let index = 0; index < 10; index += 1) {
    await writeFile(join(folder, String(index)), '')
    await utimes(join(folder, String(index)), index, index)
  }
  await sweepCompileCache(dir, 10)
  assert.equal((await readdir(folder)).length, 10)
  await sweepCompileCache(dir, 8)
  assert.deepEqual((await readdir(folder)).sort(), ['6', '7', '8', '9'])
  await sweepCompileCache(join(dir, 'nowhere'))
})
