import assert from 'node:assert/strict'
import {
  appendFile,
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { sleep, systemClock } from '../../../core/clock.ts'
import { accept, reject, request } from '../../../core/testing/contract/reading.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'
import { changeOf, openFolder, takeChanges, told } from './opened.ts'

const ALL = ['created', 'changed', 'removed'] as const

test('what happened while nobody ran is told at the start, and nothing twice without a change', async context => {
  const folder = await openFolder(context, { events: ALL })
  for (const name of ['kept', 'changed', 'removed', 'touched']) await folder.put(name)
  const first = await folder.open()
  await first.settle(accept(await takeChanges(first, 4)))
  await first.close()
  await folder.put('changed', 'other content')
  await folder.put('new')
  await unlink(join(folder.inbox, 'removed'))
  await utimes(join(folder.inbox, 'touched'), 1, 1)
  const second = await folder.open()
  const taken = await takeChanges(second, 3)
  assert.deepEqual(told(taken).toSorted(), ['changed changed', 'created new', 'removed removed'])
  await second.settle(accept(taken))
  await second.close()
  const third = await folder.open()
  assert.deepEqual(await third.poll(request({ waitMs: 300 })), [])
})

test('a record says where the file is and what it is like, not what is in it', async context => {
  const folder = await openFolder(context)
  await folder.put('sub/ä b.txt', 'hello')
  const source = await folder.open()
  const [delivery] = await takeChanges(source, 1)
  assert.ok(delivery)
  const { modified, ...change } = changeOf(delivery)
  assert.deepEqual(change, {
    event: 'created',
    path: 'sub/ä b.txt',
    file: join(folder.inbox, 'sub/ä b.txt'),
    size: 5,
    etag: '5d41402abc4b2a76b9719d911017c592',
  })
  assert.equal(Date.parse(modified ?? ''), delivery.record.time)
  assert.equal(delivery.record.key, 'sub/ä b.txt')
  assert.match(delivery.record.id, /^file:inbox:\d+$/)
})

test('a file that is written slowly is told of when it is complete, once', async context => {
  const folder = await openFolder(context, { stable: '300ms', events: ALL })
  const source = await folder.open()
  const path = join(folder.inbox, 'slow')
  for (let part = 0; part < 8; part += 1) {
    await appendFile(path, 'part')
    assert.deepEqual(await source.poll(request({ waitMs: 100 })), [])
  }
  const [delivery] = await takeChanges(source, 1)
  assert.equal(delivery && changeOf(delivery).size, 32)
  assert.deepEqual(await source.poll(request({ waitMs: 500 })), [])
})

test('a file that vanishes before it was told of is nothing to tell, a temporary one neither', async context => {
  const folder = await openFolder(context, { stable: '200ms', events: ALL })
  const source = await folder.open()
  await writeFile(join(folder.inbox, 'short'), 'x')
  await writeFile(join(folder.inbox, 'a.tmp'), 'x')
  await writeFile(join(folder.inbox, '.hidden'), 'x')
  await unlink(join(folder.inbox, 'short'))
  await writeFile(join(folder.inbox, 'seen'), 'x')
  assert.deepEqual(told(await takeChanges(source, 1)), ['created seen'])
  assert.deepEqual(await source.poll(request({ waitMs: 400 })), [])
})

test('links are never followed, not to files, not to folders, not in the middle of a path', async context => {
  const folder = await openFolder(context, { events: ALL })
  const outside = await temporaryFolder(context)
  await writeFile(join(outside, 'secret'), 'x')
  await symlink(outside, join(folder.inbox, 'folder'))
  await symlink(join(outside, 'secret'), join(folder.inbox, 'file'))
  await symlink('/nowhere', join(folder.inbox, 'dangling'))
  await folder.put('real/one')
  const source = await folder.open()
  const taken = await takeChanges(source, 1)
  assert.deepEqual(told(taken), ['created real/one'])
  await source.settle(accept(taken))
  await writeFile(join(outside, 'more'), 'x')
  await rename(join(folder.inbox, 'real'), join(outside, 'real'))
  await symlink(join(outside, 'real'), join(folder.inbox, 'real'))
  assert.deepEqual(told(await takeChanges(source, 1)), ['removed real/one'])
  assert.deepEqual(await source.poll(request({ waitMs: 300 })), [])
})

test('names of any bytes are told and can be opened', async context => {
  const folder = await openFolder(context)
  const source = await folder.open()
  await writeFile(join(folder.inbox, 'two\nlines "quoted" $(x) \u{1f600}'), 'text')
  const bytes = Buffer.concat([Buffer.from(`${folder.inbox}/not utf-8 `), Buffer.of(0xff, 0xfe)])
  await writeFile(bytes, 'bytes')
  const taken = await takeChanges(source, 2)
  const contents = await Promise.all(
    taken
      .map(changeOf)
      .map(({ file, fileBytes }) => readFile(fileBytes ? Buffer.from(fileBytes, 'base64') : file, 'utf8')),
  )
  assert.deepEqual(contents.toSorted(), ['bytes', 'text'])
  const odd = taken.find(({ record }) => typeof record.key !== 'string')
  assert.deepEqual(Buffer.from(odd?.record.key as Uint8Array), bytes.subarray(folder.inbox.length + 1))
})

test('a folder that disappears and comes back takes no file with it', async context => {
  const folder = await openFolder(context, { events: ALL })
  await folder.put('a')
  await folder.put('sub/b')
  const source = await folder.open()
  await source.settle(accept(await takeChanges(source, 2)))
  await rename(folder.inbox, `${folder.inbox}-away`)
  assert.deepEqual(await source.poll(request({ waitMs: 700 })), [])
  await rename(`${folder.inbox}-away`, folder.inbox)
  await folder.put('c')
  assert.deepEqual(told(await takeChanges(source, 1)), ['created c'])
})

test('a folder that is not there at the start is waited for, by whoever opens it', async context => {
  const folder = await openFolder(context)
  await rm(folder.inbox, { recursive: true })
  await assert.rejects(folder.open(), { code: 'SOURCE_FAILED', fatal: false, message: /make it, it is waited for/ })
  await mkdir(folder.inbox)
  await folder.put('a')
  assert.deepEqual(told(await takeChanges(await folder.open(), 1)), ['created a'])
})

test('what was in a folder that is removed or moved away is removed; what is moved in is created', async context => {
  const folder = await openFolder(context, { events: ALL })
  const source = await folder.open()
  await folder.put('sub/deep/a')
  await folder.put('sub/b')
  const taken = await takeChanges(source, 2)
  assert.deepEqual(told(taken).toSorted(), ['created sub/b', 'created sub/deep/a'])
  await source.settle(accept(taken))
  await rename(join(folder.inbox, 'sub'), join(folder.inbox, 'moved'))
  assert.deepEqual(told(await takeChanges(source, 4)).toSorted(), [
    'created moved/b',
    'created moved/deep/a',
    'removed sub/b',
    'removed sub/deep/a',
  ])
})

test('two changes of a file come one after the other, and what nobody has seen yet is one change', async context => {
  const folder = await openFolder(context, { events: ALL })
  const source = await folder.open()
  await folder.put('a', 'one')
  const first = await takeChanges(source, 1)
  await folder.put('a', 'two')
  await folder.put('a', 'three')
  await until('it is known', () => source.lag?.().then(([lag]) => lag?.records === 2))
  assert.deepEqual(await source.poll(request({ waitMs: 200 })), [])
  await folder.put('a', 'four and more')
  await sleep(systemClock, 200)
  await source.settle(accept(first))
  const [second] = await takeChanges(source, 1)
  assert.deepEqual(second && [told([second])[0], changeOf(second).size], ['changed a', 'four and more'.length])
  assert.deepEqual(await source.settle(accept(second ? [second] : [])), [])
  assert.deepEqual(await source.poll(request({ waitMs: 200 })), [])
})

test('include and exclude choose by the path below the folder', async context => {
  const folder = await openFolder(context, { include: ['**/*.png', 'docs/**'], exclude: '**/old/**' })
  for (const path of ['a.png', 'x/b.png', 'c.jpg', 'docs/d.txt', 'x/old/e.png', 'docs/old/f']) await folder.put(path)
  const source = await folder.open()
  assert.deepEqual(told(await takeChanges(source, 3)).toSorted(), [
    'created a.png',
    'created docs/d.txt',
    'created x/b.png',
  ])
  assert.deepEqual(await source.poll(request({ waitMs: 200 })), [])
})

test('a file goes where it is to go by what became of it; one that is there already is not overwritten', async context => {
  const folder = await openFolder(context, { events: ALL, doneTo: 'inbox/done', failedTo: 'failed' })
  const source = await folder.open()
  await folder.put('sub/good')
  await folder.put('bad')
  const taken = await takeChanges(source, 2)
  const [good, bad] = taken.toSorted((one, other) => (changeOf(one).path > changeOf(other).path ? -1 : 1))
  assert.ok(good && bad)
  assert.deepEqual(await source.settle([...accept([good]), ...reject([bad])]), [])
  assert.deepEqual(await readdir(folder.inbox, { recursive: true }), ['done', 'sub', 'done/sub', 'done/sub/good'])
  assert.deepEqual(await readdir(join(folder.inbox, '../failed')), ['bad'])
  await folder.put('sub/good', 'again')
  const again = await takeChanges(source, 1)
  assert.deepEqual(told(again), ['created sub/good'])
  await source.settle(accept(again))
  const names = await readdir(join(folder.inbox, 'done/sub'))
  assert.equal(names.length, 2)
  assert.deepEqual(await source.poll(request({ waitMs: 300 })), [], 'a file that was moved is not removed')
})

test('a file that was written again while its function ran stays, and is told of again', async context => {
  const folder = await openFolder(context, { events: ALL, doneTo: 'done' })
  const source = await folder.open()
  await folder.put('a', 'one')
  const first = await takeChanges(source, 1)
  await folder.put('a', 'another')
  await source.settle(accept(first))
  const second = await takeChanges(source, 1)
  assert.deepEqual(told(second), ['changed a'])
  await source.settle(accept(second))
  assert.deepEqual(await readdir(join(folder.inbox, '../done')), ['a'])
  assert.deepEqual(await readdir(folder.inbox), [])
})

test('a move that its process did not finish is finished by the next', async context => {
  const folder = await openFolder(context, { events: ALL, doneTo: 'done' })
  await folder.put('a')
  await folder.put('b')
  const source = await folder.open()
  await takeChanges(source, 2)
  await source.close()
  folder.raw.exec("UPDATE files_changes SET move = 'done'")
  await mkdir(join(folder.inbox, '../done'))
  await rename(join(folder.inbox, 'a'), join(folder.inbox, '../done/a'))
  const next = await folder.open()
  await until('both are there', async () => (await readdir(join(folder.inbox, '../done'))).length === 2)
  assert.deepEqual(await next.poll(request({ waitMs: 300 })), [])
})

test('ten thousand files at once are all told of, each once', async context => {
  const folder = await openFolder(context)
  const source = await folder.open()
  const paths = Array.from({ length: 10_000 }, (_, number) => `${number % 100}/${number}`)
  for (let part = 0; part < 100; part += 1) await mkdir(join(folder.inbox, String(part)))
  // Complete at once: a file that is seen before it has its content would be told of twice.
  await Promise.all(paths.map(path => writeFile(join(folder.inbox, path), '')))
  const seen: string[] = []
  await until(
    'all are told of',
    async () => {
      const taken = await source.poll(request({ max: 1_000, maxPerLane: 1_000, waitMs: 500 }))
      await source.settle(accept(taken))
      seen.push(...taken.map(each => changeOf(each).path))
      return seen.length >= paths.length
    },
    { timeoutMs: 60_000 },
  )
  assert.deepEqual(seen.toSorted(), paths.toSorted())
})

test('nothing is lost by a kill -9, whatever it was about to do', async context => {
  const folder = await openFolder(context)
  for (let round = 0; round < 5; round += 1) {
    await folder.put(`${round}`)
    const child = folder.reader(round + 1)
    if (round % 2 === 0) await child.line(/^holds/)
    else await sleep(systemClock, 100 + 60 * round)
    child.kill('SIGKILL')
    await child.ended
  }
  const source = await folder.open()
  assert.deepEqual(
    told(await takeChanges(source, 5)).toSorted(),
    [0, 1, 2, 3, 4].map(round => `created ${round}`),
  )
})

test('what was put in the index is told: a file that cannot be read waits until it can', {
  skip: process.getuid?.() === 0 && 'root may read everything',
}, async context => {
  const folder = await openFolder(context)
  await folder.put('closed')
  await chmod(join(folder.inbox, 'closed'), 0)
  const source = await folder.open()
  assert.deepEqual(await source.poll(request({ waitMs: 300 })), [])
  await chmod(join(folder.inbox, 'closed'), 0o600)
  assert.deepEqual(told(await takeChanges(source, 1)), ['created closed'])
})
