import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createApp, defineConfig, MillraceError, onBatch } from 'millrace'
import { temporaryFolder } from '../support/folder.ts'
import { until } from '../support/until.ts'
import { answers } from './bad-input/channels.ts'

/** A file system of a few megabytes of its own; undefined where none can be mounted. */
const smallDisk = async (context: TestContext, megabytes: number): Promise<string | undefined> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    await rmdir(folder)
    return undefined
  }
  context.after(async () => {
    execFileSync('umount', ['--lazy', folder])
    await rmdir(folder)
  })
  return folder
}

/** Fills a disk to its last byte. */
const fill = (file: string): void => {
  for (const bytes of [65_536, 4_096, 512, 1]) {
    try {
      for (;;) writeFileSync(file, new Uint8Array(bytes), { flag: 'a' })
    } catch {
      // Full for this size of block; smaller ones may still fit.
    }
  }
}

test('a full disk stops sending and settling with a clear error, loses nothing, and work goes on when there is space', {
  timeout: 180_000,
}, async context => {
  const folder = await smallDisk(context, 8)
  if (folder === undefined) return context.skip('a file system cannot be mounted here')
  const seen = new Set<string>()
  let open = (): void => undefined
  const gate = new Promise<void>(resolve => {
    open = resolve
  })
  const handler = onBatch(answers, async batch => {
    await gate
    for (const record of batch) seen.add(record.id)
  })
  const app = createApp(
    defineConfig({
      name: 'disk',
      stateDir: join(folder, 'state'),
      mappings: { keep: { source: answers, function: handler } },
    }),
  )
  context.after(() => {
    open()
    return app.stop()
  })
  await app.start()
  const confirmed = new Set<string>()
  const send = async (id: string): Promise<void> => {
    await app.send(answers, [{ id, data: { answer: 'x'.repeat(20_000) } }])
    confirmed.add(id)
  }
  for (let index = 0; index < 20; index += 1) await send(`before-${index}`)
  await until('the function has a batch', () => (app.status().mappings[0]?.running ?? 0) > 0)

  const ballast = join(folder, 'ballast')
  fill(ballast)
  const refused = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      send(`full-${index}`).then(
        () => undefined,
        (error: unknown) => error,
      ),
    ),
  )
  const errors = refused.filter(error => error instanceof MillraceError)
  assert.ok(errors.length > 0, 'some sends found the disk full')
  assert.match(String(errors[0]), /free space|STATE_UNAVAILABLE|full/i)
  open()
  await until(
    'the verdicts found the disk full too, or were taken',
    () => app.status().mappings[0]?.lastError !== undefined || app.status().mappings[0]?.inFlight === 0,
  )
  assert.equal(app.status().mappings[0]?.state, 'running')

  rmSync(ballast)
  await send('after')
  await until(
    'every confirmed record was processed and settled',
    () => [...confirmed].every(id => seen.has(id)) && app.status().mappings[0]?.inFlight === 0,
  )
  assert.equal(app.status().mappings[0]?.counts.accepted, confirmed.size)
})

test('a state folder that cannot be used is said before anything runs', async context => {
  const folder = await temporaryFolder(context)
  writeFileSync(join(folder, 'file'), '')
  const app = createApp({ name: 'disk', stateDir: join(folder, 'file', 'state'), mappings: {}, channels: [answers] })
  await assert.rejects(
    app.start(),
    (error: unknown) =>
      error instanceof MillraceError && error.code === 'STATE_UNAVAILABLE' && /file\/state/.test(error.message),
  )
})
