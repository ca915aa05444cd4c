import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../../../core/clock.ts'
import { createPackageCache, KEPT_UNUSED_MS, type PackageCache } from '../../../../core/engine/package/cache.ts'
import { silentLog } from '../../../../core/log.ts'
import { startNode } from '../../../support/child.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { zipOf } from './zip.ts'

const LIMITS = { maxBytes: 100_000_000, taken: 0 }
const MAIN = join(import.meta.dirname, 'unpack-main.ts')

/** A cache whose clock is so much ahead. */
const later = (folder: string, ms: number): PackageCache =>
  createPackageCache({ folder, clock: { now: () => systemClock.now() + ms }, log: silentLog })

const contentsOf = async (state: string): Promise<readonly string[]> =>
  (await readdir(state)).filter(name => !name.endsWith('.used') && name !== 'package.json').sort()

test('several processes that unpack the same zip at once share one folder, which is complete', async context => {
  const folder = await temporaryFolder(context)
  const zip = join(folder, 'f.zip')
  const files = Array.from({ length: 400 }, (_, at) => ({ name: `lib/f${at}.js`, body: `${at}`.repeat(500) }))
  await writeFile(zip, zipOf(...files))
  const state = join(folder, 'packages')
  const children = [1, 2, 3, 4].map(() => startNode(context, [MAIN, state, zip]))
  const lines = await Promise.all(children.map(child => child.line(/^unpacked/)))
  assert.equal(new Set(lines).size, 1)
  const [hash = '', ...others] = await contentsOf(state)
  assert.deepEqual(others, [])
  assert.equal((await readdir(join(state, hash, 'lib'))).length, 400)
  assert.equal((await readdir(join(state, `${hash}.used`))).length, 4)
})

test('what nobody uses is kept for a day, what a living process uses for ever, what a killed one used is free', async context => {
  const folder = await temporaryFolder(context)
  const state = join(folder, 'packages')
  const [used, unused] = [join(folder, 'used.zip'), join(folder, 'unused.zip')]
  await writeFile(used, zipOf({ name: 'index.js', body: '1' }))
  await writeFile(unused, zipOf({ name: 'index.js', body: '2' }))
  const child = startNode(context, [MAIN, state, used])
  await child.line(/^unpacked/)
  const own = createPackageCache({ folder: state, clock: systemClock, log: silentLog })
  await own.unpack(unused, LIMITS)
  await later(state, 2 * KEPT_UNUSED_MS).close()
  assert.equal((await contentsOf(state)).length, 2)
  await own.close()
  assert.equal((await contentsOf(state)).length, 2)
  await later(state, 2 * KEPT_UNUSED_MS).close()
  assert.equal((await contentsOf(state)).length, 1)
  child.kill('SIGKILL')
  await child.ended
  await later(state, KEPT_UNUSED_MS / 2).close()
  assert.equal((await contentsOf(state)).length, 1)
  await later(state, 2 * KEPT_UNUSED_MS).close()
  assert.deepEqual(await readdir(state), ['package.json'])
})

test('what a crash left half unpacked is not used, and removed after an hour', async context => {
  const folder = await temporaryFolder(context)
  const state = join(folder, 'packages')
  const zip = join(folder, 'f.zip')
  await writeFile(zip, zipOf({ name: 'index.js', body: '1' }))
  await mkdir(join(state, '.left.part'), { recursive: true })
  await mkdir(join(state, '.fresh.part'))
  const hoursAgo = systemClock.now() / 1_000 - 7_200
  await utimes(join(state, '.left.part'), hoursAgo, hoursAgo)
  const cache = createPackageCache({ folder: state, clock: systemClock, log: silentLog })
  const { folder: unpacked } = await cache.unpack(zip, LIMITS)
  assert.equal(await readFile(join(unpacked, 'index.js'), 'utf8'), '1')
  await cache.close()
  assert.equal(existsSync(join(state, '.left.part')), false)
  assert.equal(existsSync(join(state, '.fresh.part')), true)
})

test('a state folder that cannot be written is said to be that', async context => {
  const folder = await temporaryFolder(context)
  const zip = join(folder, 'f.zip')
  await writeFile(zip, zipOf({ name: 'index.js', body: '1' }))
  await writeFile(join(folder, 'state'), 'a file')
  const cache = createPackageCache({ folder: join(folder, 'state/packages'), clock: systemClock, log: silentLog })
  await assert.rejects(cache.unpack(zip, LIMITS), {
    code: 'STATE_UNAVAILABLE',
    message: /state\/packages\/\w+ cannot be written/,
  })
})
