/** A disk that is full: clear errors, nothing lost, and it goes on when there is space. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDatabase } from '../../../core/database.ts'
import { accept, bodies, request, take } from '../../../core/testing/contract/reading.ts'
import { openEmbedded } from './opened.ts'

const big = (name: string) => ({ id: name, body: new Uint8Array(100_000).fill(1) })

test('a database that may not grow refuses to send with STATE_UNAVAILABLE, and takes it once it may', async t => {
  const opened = await openEmbedded(t, { type: 'queue' })
  const database = openDatabase(opened.stateDir)
  t.after(() => database.close())
  const { page_count: pages } = database.sql('PRAGMA page_count').get() as { page_count: number }
  database.sql(`PRAGMA max_page_count = ${pages + 2}`).get()
  await assert.rejects(opened.send([big('a')]), { code: 'STATE_UNAVAILABLE', fatal: false })
  database.sql('PRAGMA max_page_count = 1000000').get()
  await opened.send([big('a')])
  const source = await opened.open()
  assert.deepEqual(
    (await take(opened, source, 1)).map(each => each.record.id),
    ['a'],
  )
  await source.close()
})

for (const type of ['queue', 'stream'] as const)
  test(`a full disk: a ${type} settles nothing, says so, loses nothing, and goes on when there is space`, async t => {
    const folder = smallDisk(t)
    if (!folder) return t.skip('mounting a small tmpfs needs root on Linux')
    const opened = await openEmbedded(t, { type, context: { stateDir: folder }, options: { partitions: 1 } })
    await opened.send([{ body: Buffer.from('one') }, { body: Buffer.from('two') }])
    const source = await opened.open()
    const taken = await source.poll(request({ max: 1, waitMs: 5_000 }))
    fill(folder)
    // What SQLite had allocated before may take a verdict or two yet.
    const tired = await untilRefused(() => opened.send([big('filler')]))
    assert.equal((tired as { code?: unknown }).code, 'STATE_UNAVAILABLE')
    const unsettled = await source.settle(accept(taken))
    assert.deepEqual(
      unsettled.map(each => [each.delivery === taken[0], each.error.code, each.error.fatal]),
      [[true, 'STATE_UNAVAILABLE', false]],
    )
    await assert.rejects(source.poll(request({ max: 1, waitMs: 0 })), { code: 'STATE_UNAVAILABLE', fatal: false })
    rmSync(join(folder, 'filler'))
    assert.deepEqual(await source.settle(accept(taken)), [])
    assert.deepEqual(bodies(await source.poll(request({ max: 1, waitMs: 5_000 }))), ['two'])
    await source.close()
  })

/** Unmounted before the folder is removed: what is registered first runs first when the test ends. */
const smallDisk = (t: TestContext): string | undefined => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder]).status === 0
  t.after(() => {
    if (mounted) spawnSync('umount', ['-l', folder])
    rmSync(folder, { recursive: true })
  })
  return mounted ? folder : undefined
}

const fill = (folder: string): void => {
  const path = join(folder, 'filler')
  for (const bytes of [65_536, 4_096, 512, 1])
    try {
      for (;;) writeFileSync(path, new Uint8Array(bytes), { flag: 'a' })
    } catch (error) {
      assert.equal((error as { code?: unknown }).code, 'ENOSPC')
    }
}

const untilRefused = async (run: () => Promise<unknown>): Promise<unknown> => {
  for (;;) {
    const refused = await run().then(
      () => undefined,
      (error: unknown) => error,
    )
    if (refused) return refused
  }
}
