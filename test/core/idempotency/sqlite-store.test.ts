import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '../../../core/database.ts'
import { openSqliteIdempotency } from '../../../core/idempotency/sqlite-store.ts'
import { ownerToText, thisProcess } from '../../../core/owner.ts'
import { createVirtualClock } from '../../../core/testing/virtual-clock.ts'
import { startNode } from '../../support/child.ts'
import { temporaryFolder } from '../../support/folder.ts'

const open = async (context: Parameters<typeof temporaryFolder>[0]) => {
  const database = openDatabase(await temporaryFolder(context))
  context.after(() => database.close())
  const clock = createVirtualClock()
  const store = openSqliteIdempotency(database, { clock, machineMs: clock.monotonic })
  const claim = async (owner: string, leaseMs = 60_000) =>
    (await store.claim([{ key: 'c:k', fingerprint: '' }], { owner, leaseMs }))[0]
  return { database, clock, store, claim }
}

test('a wall clock that jumps an hour either way frees no claim and keeps none longer than its lease', async context => {
  for (const jumpMs of [3_600_000, -3_600_000]) {
    const { clock, claim } = await open(context)
    const first = await claim(ownerToText(thisProcess()))
    clock.setWall(clock.now() + jumpMs)
    assert.equal((await claim('other'))?.kind, 'busy', `after ${jumpMs} ms`)
    clock.advance(60_001)
    const second = await claim('other')
    assert.ok(first?.kind === 'claimed' && second?.kind === 'claimed')
    assert.ok(second.fence > first.fence, 'the fence rises, whatever the clock says')
  }
})

test('a claim of a process that is gone is free at once, however long its lease', async context => {
  const { claim } = await open(context)
  const gone = startNode(context, [
    '-e',
    "import(process.argv[1]).then(m => process.stdout.write(m.ownerToText(m.thisProcess()) + '\\n'))",
    new URL('../../../core/owner.ts', import.meta.url).href,
  ])
  const owner = await gone.line(/\//)
  await gone.ended
  const first = await claim(owner, 3_600_000)
  const second = await claim(ownerToText(thisProcess()), 3_600_000)
  assert.ok(first?.kind === 'claimed' && second?.kind === 'claimed' && second.fence > first.fence)
  assert.equal((await claim('other'))?.kind, 'busy', 'this one lives')
})

test('what has expired is deleted beside what is claimed, and what is claimed is not', async context => {
  const { database, clock, store, claim } = await open(context)
  await claim('holder', 48 * 3_600_000)
  const claims = Array.from({ length: 1_500 }, (_, index) => ({ key: `c:${index}`, fingerprint: '' }))
  const answers = await store.claim(claims, { owner: 'o', leaseMs: 1_000 })
  await store.write(
    claims.map(({ key }, index) => {
      const answer = answers[index]
      assert.ok(answer?.kind === 'claimed')
      return {
        kind: 'complete',
        key,
        owner: 'o',
        fence: answer.fence,
        fingerprint: '',
        result: '',
        ttlMs: 1_000,
      } as const
    }),
  )
  clock.advance(24 * 3_600_000)
  for (const key of ['c:x', 'c:y', 'c:z']) await store.claim([{ key, fingerprint: '' }], { owner: 'o', leaseMs: 1_000 })
  const left = database
    .sql('SELECT key FROM idempotency')
    .all()
    .map(({ key }) => key)
  assert.deepEqual(left.sort(), ['c:k', 'c:x', 'c:y', 'c:z'])
})

test('a row in which anything is of another type is unreadable, and neither run nor answered', async context => {
  const { database, store, claim } = await open(context)
  const [first] = [await claim('one')]
  assert.ok(first?.kind === 'claimed')
  const complete = { kind: 'complete', key: 'c:k', fingerprint: 'f', result: 'v1', ttlMs: 60_000 } as const
  await store.write([{ ...complete, owner: 'one', fence: first.fence }])
  const good = await database.read(() => database.sql('SELECT * FROM idempotency').get())
  for (const [column, value] of Object.entries({
    result: Buffer.from([0]),
    fingerprint: Buffer.from([0]),
    owner: Buffer.from([0]),
    expires_at: 'soon',
    lease_until: 'soon',
    fence: 1.5,
    state: 'DONE',
  })) {
    const set = (to: unknown) =>
      database.write(() => void database.sql(`UPDATE idempotency SET ${column} = ?`).run(to as string))
    await set(value)
    assert.equal((await claim('two'))?.kind, 'unreadable', column)
    assert.equal((await store.show('c:k'))?.state, 'unreadable', column)
    await set(good?.[column])
  }
  assert.equal((await claim('two'))?.kind, 'done')
})
