import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { shownWith, storedKey } from '../../../core/idempotency/key.ts'
import { sqliteIdempotency } from '../../../core/idempotency/sqlite-store.ts'
import { millrace } from '../../support/terminal.ts'

/** Below the repository, so that `millrace` is found as a dependency would be. */
const ROOT = join(import.meta.dirname, '../../..')

const CONFIG = `import { defineConfig, embedded } from 'millrace'
const local = embedded()
export default defineConfig({
  name: 'shop',
  mappings: {
    charge: { source: local.queue('orders'), function: () => undefined, idempotency: { key: 'record.id' } },
    mail: { source: local.queue('mails'), function: () => undefined },
  },
})
`

test('idempotency show says what is known of a key, and release has it forgotten', async context => {
  const cwd = await mkdtemp(join(ROOT, 'test/core/cli/keys-'))
  context.after(() => rm(cwd, { recursive: true, force: true }))
  await writeFile(join(cwd, 'millrace.config.ts'), CONFIG)
  const run = (...args: readonly string[]) => millrace(['idempotency', ...args], { cwd })
  const store = sqliteIdempotency(join(cwd, '.millrace'))
  context.after(() => store.close())
  const claim = async (consumer: string, key: unknown) => {
    const stored = storedKey(consumer, key)
    const [answer] = await store.claim([{ key: stored, fingerprint: '' }], { owner: 'somebody', leaseMs: 60_000 })
    assert.ok(answer?.kind === 'claimed')
    return { key: stored, owner: 'somebody', fence: answer.fence }
  }
  const done = { kind: 'complete', fingerprint: '', result: '', ttlMs: 3 * 86_400_000 } as const

  assert.match((await run('show', 'order-1')).out, /nothing is known of order-1/)
  assert.equal((await run('show', 'order-1')).code, 1)
  const claimed = await claim('shop/charge', 'order-1')
  assert.match(
    (await run('show', 'order-1')).out,
    /^shop\/charge: in progress by somebody, (59|60)s|1m of its lease left/,
  )
  assert.match((await run('release', 'order-1')).err, /order-1 is being processed .*say --force \(APP_STATE\)/)
  await store.write([{ ...done, ...claimed }])
  await store.write([{ ...done, ...(await claim('shop/mail/record', 7)) }])
  assert.match((await run('show', '7')).out, /^shop\/mail\/record: processed, remembered for 2d more/)
  assert.match((await run('show', claimed.key)).out, /^shop\/charge: processed/)
  assert.equal((await run('show', '7', '--mapping', 'charge')).code, 1)
  assert.match((await run('show', '7', '--mapping', 'chrge')).err, /no mapping "chrge"; there are: charge, mail/)
  const [json] = JSON.parse((await run('show', 'order-1', '--json')).out)
  assert.deepEqual([json.consumer, json.stored.state, json.stored.fence], ['shop/charge', 'done', claimed.fence])

  assert.match((await run('release', 'order-1')).out, /^released shop\/charge: processed/)
  assert.equal((await run('show', 'order-1')).code, 1)
  await claim('shop/charge', 'order-1')
  assert.equal((await run('release', 'order-1', '--force')).code, 0)
  assert.equal((await run('release', 'order-1')).code, 1)
})

test('a key is found as an error wrote it: bytes, objects, and one that was too long', async context => {
  const cwd = await mkdtemp(join(ROOT, 'test/core/cli/keys-'))
  context.after(() => rm(cwd, { recursive: true, force: true }))
  await writeFile(join(cwd, 'millrace.config.ts'), CONFIG)
  const store = sqliteIdempotency(join(cwd, '.millrace'))
  context.after(() => store.close())
  const long = 'x'.repeat(100_000)
  for (const key of [new Uint8Array([0, 255]), { b: 1, a: [] }, long, '{}', 'null'] as const) {
    const stored = storedKey('shop/charge', key)
    await store.claim([{ key: stored, fingerprint: '' }], { owner: 'somebody', leaseMs: 60_000 })
    const shown = shownWith(key, stored)
    const written = /\((shop.+)\)$/.exec(shown)?.[1] ?? shown
    const { out, err } = await millrace(['idempotency', 'show', written], { cwd })
    assert.match(out, /^shop\/charge: in progress by somebody/, `${written} ${err}`)
  }
})
