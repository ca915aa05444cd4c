import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../../../core/clock.ts'
import { createPackageCache, type PackageCache } from '../../../../core/engine/package/cache.ts'
import { silentLog } from '../../../../core/log.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { type Written, zipOf } from './zip.ts'

const LIMITS = { maxBytes: 4_000_000, taken: 0 }

const cacheIn = async (context: TestContext): Promise<{ cache: PackageCache; state: string; zip: string }> => {
  const folder = await temporaryFolder(context)
  const state = join(folder, 'packages')
  const cache = createPackageCache({ folder: state, clock: systemClock, log: silentLog })
  context.after(() => cache.close())
  return { cache, state, zip: join(folder, 'f.zip') }
}

const good: Written = { name: 'index.js', body: 'export const handler = () => 1' }
const unixField = (target: string): Buffer => {
  const data = Buffer.concat([Buffer.alloc(12), Buffer.from(target)])
  const head = Buffer.alloc(4)
  head.writeUInt16LE(0x000d, 0)
  head.writeUInt16LE(data.length, 2)
  return Buffer.concat([head, data])
}
const many = (count: number): readonly Written[] =>
  Array.from({ length: count }, (_, at) => ({ name: `f${at}`, method: 0 }))

/** What is wrong with an archive that begins with a good entry, and how it is told. */
const HOSTILE: Readonly<Record<string, { entries: readonly Written[]; says: RegExp }>> = {
  'a path upward': { entries: [{ name: '../x.js' }], says: /entry "\.\.\/x\.js" leaves the archive by "\.\."/ },
  'a path upward within': { entries: [{ name: 'a/../../x.js' }], says: /"a\/\.\.\/\.\.\/x\.js" leaves the archive/ },
  'an absolute path': { entries: [{ name: '/etc/x' }], says: /"\/etc\/x" has an absolute path/ },
  'a drive': { entries: [{ name: 'C:x.js' }], says: /"C:x\.js" has a path on a drive/ },
  'a backslash': { entries: [{ name: '..\\x.js' }], says: /has a backslash in its name/ },
  'a NUL': { entries: [{ name: 'x.js\0.txt' }], says: /"x\.js\\u0000\.txt" has a NUL/ },
  'a line break': { entries: [{ name: 'x\n.js' }], says: /control character/ },
  'an empty step': { entries: [{ name: 'a//x.js' }], says: /"a\/\/x\.js" has an empty step/ },
  'no name': { entries: [{ name: '' }], says: /"" has an empty step/ },
  'a long name': { entries: [{ name: `${'a/'.repeat(600)}x` }], says: /more than 1024 bytes/ },
  'a long step': { entries: [{ name: 'x'.repeat(300) }], says: /step of more than 255 bytes/ },
  'a symbolic link': { entries: [{ name: 'link', mode: 0o120_777, body: '/etc' }], says: /"link" is a symbolic link/ },
  'a device': { entries: [{ name: 'null', mode: 0o020_666 }], says: /"null" is a character device/ },
  'a block device': { entries: [{ name: 'disk', mode: 0o060_666 }], says: /is a block device/ },
  'a pipe': { entries: [{ name: 'pipe', mode: 0o010_666 }], says: /is a pipe/ },
  'a socket': { entries: [{ name: 'sock', mode: 0o140_666 }], says: /is a socket/ },
  'an unknown kind': { entries: [{ name: 'door', mode: 0o150_666 }], says: /is no file and no folder/ },
  'a hard link by its Unix field': {
    entries: [{ name: 'hard', extra: unixField('/etc/passwd') }],
    says: /"hard" is a link or a device by its Unix field/,
  },
  'a folder with content': { entries: [{ name: 'd/', body: 'x' }], says: /"d\/" is a folder with content/ },
  'a folder named as a file': { entries: [{ name: 'd', mode: 0o040_755 }], says: /is a folder by its mode/ },
  'the same name twice': { entries: [{ name: 'a.js' }, { name: 'a.js' }], says: /"a\.js" is in the archive twice/ },
  'the same folder twice': { entries: [{ name: 'd/' }, { name: 'd/' }], says: /"d\/" is in the archive twice/ },
  'names that differ by case': {
    entries: [{ name: 'INDEX.js' }],
    says: /"INDEX\.js" has the same name as "index\.js"/,
  },
  'folders that differ by case': {
    entries: [{ name: 'lib/a.js' }, { name: 'Lib/b.js' }],
    says: /"Lib\/b\.js" has the same name as "lib"/,
  },
  'names that differ by Unicode form': {
    entries: [{ name: 'caf\u00e9' }, { name: 'cafe\u0301' }],
    says: /has the same name as "café"/,
  },
  'names that are one without case, by a special letter': {
    entries: [{ name: 'stra\u00dfe' }, { name: 'STRASSE' }],
    says: /"STRASSE" has the same name as "straße"/,
  },
  'names that are one by a sign that stands for letters': {
    entries: [{ name: 'tel' }, { name: '\u2121' }],
    says: /has the same name as "tel"/,
  },
  'a file below a file': { entries: [{ name: 'index.js/x' }], says: /as a file and as a folder \("index\.js"\)/ },
  'a file where a folder is': {
    entries: [{ name: 'd/x' }, { name: 'd' }],
    says: /"d" is in the archive as a file and/,
  },
  encrypted: { entries: [{ name: 'x', flags: 0x801 }], says: /"x" is encrypted/ },
  'strongly encrypted': { entries: [{ name: 'x', flags: 0x841 }], says: /encryption|encrypted/ },
  'a hidden directory': { entries: [{ name: 'x', flags: 0x2800 }], says: /"x" is encrypted/ },
  'another compression': { entries: [{ name: 'x', method: 12 }], says: /"x" is compressed by method 12; only/ },
  'a stored entry of another size': {
    entries: [{ name: 'x', method: 0, body: 'abc', claims: { bytes: 9 } }],
    says: /"x" is stored, but has 3 bytes in the archive and should have 9/,
  },
  'more bytes than the directory says': {
    entries: [{ name: 'bomb', body: Buffer.alloc(3_000_000), claims: { bytes: 10 } }],
    says: /"bomb" has more than the 10 bytes of the archive's directory/,
  },
  'fewer bytes than the directory says': {
    entries: [{ name: 'x', body: 'abc', claims: { bytes: 10 } }],
    says: /"x" has 3 bytes, but 10 by the archive's directory/,
  },
  'a wrong checksum': { entries: [{ name: 'x', body: 'abc', claims: { crc: 7 } }], says: /"x" is damaged/ },
  'data beyond the archive': {
    entries: [{ name: 'x', body: 'abc', claims: { compressedBytes: 1_000_000 } }],
    says: /"x" cannot be unpacked: file data overflows/,
  },
  'an end of the data in the middle': {
    entries: [{ name: 'x', body: 'abcdefgh'.repeat(9), claims: { compressedBytes: 4 } }],
    says: /"x" cannot be unpacked: unexpected end/,
  },
  'data that is not deflated': {
    entries: [{ name: 'x', body: '\xff\xff\xff', method: 8, claims: { compressedBytes: 1 } }],
    says: /"x" cannot be unpacked/,
  },
  'more than it may come to': {
    entries: [{ name: 'big', body: Buffer.alloc(4_000_000) }],
    says: /"big" would bring the function and its layers over the 4000000 bytes/,
  },
  'a directory that claims petabytes': {
    entries: [{ name: 'big', claims: { bytes: 0xffff_fffe } }],
    says: /"big" would bring/,
  },
  'an extra field that is too long': {
    entries: [{ name: 'x', extra: Buffer.from([1, 0, 99, 0]) }],
    says: /directory that ends after 1 entries/,
  },
}

for (const [what, { entries, says }] of Object.entries(HOSTILE))
  test(`a zip with ${what} is refused, and nothing is written`, async context => {
    const { cache, state, zip } = await cacheIn(context)
    await writeFile(zip, zipOf(good, ...entries))
    await assert.rejects(cache.unpack(zip, LIMITS), { code: 'FUNCTION_PACKAGE_INVALID', message: says })
    assert.equal(existsSync(state), false)
  })

test('a bomb of many names or of much compression is refused', async context => {
  const { cache, state, zip } = await cacheIn(context)
  const limits = { maxBytes: 1_000_000_000, taken: 0 }
  await writeFile(zip, zipOf({ name: 'zeros', body: Buffer.alloc(20_000_000) }))
  await assert.rejects(cache.unpack(zip, limits), { message: /comes to 20000000 bytes, more than 100 times its own/ })
  const full = zipOf(...many(10))
  full.writeUInt16LE(0xffff, full.length - 12)
  await writeFile(zip, full)
  await assert.rejects(cache.unpack(zip, limits), { message: /directory that ends after 10 entries/ })
  assert.equal(existsSync(state), false)
})

test('a zip that was cut off anywhere is refused, and nothing is written', async context => {
  const { cache, state, zip } = await cacheIn(context)
  const whole = zipOf(good, { name: 'lib/a.js', body: 'a'.repeat(500) }, { name: 'b', method: 0, body: 'stored' })
  for (let length = 0; length < whole.length; length += 1) {
    await writeFile(zip, whole.subarray(0, length))
    await assert.rejects(cache.unpack(zip, LIMITS), { code: 'FUNCTION_PACKAGE_INVALID' }, `cut at ${length}`)
  }
  assert.equal(existsSync(state), false)
})

test('a zip with any byte changed is refused or unpacks to what its checksums say', async context => {
  const { cache, zip } = await cacheIn(context)
  const whole = zipOf(good, { name: 'lib/a.js', body: 'abc'.repeat(50) })
  let refused = 0
  for (let at = 0; at < whole.length; at += 1) {
    const changed = Buffer.from(whole)
    changed[at] = (changed[at] ?? 0) ^ 0x55
    await writeFile(zip, changed)
    const outcome = await cache.unpack(zip, LIMITS).catch(error => error)
    if (outcome instanceof Error) {
      assert.equal((outcome as { code?: string }).code, 'FUNCTION_PACKAGE_INVALID', outcome.message)
      refused += 1
    }
  }
  assert.ok(refused > whole.length / 3, `${refused} of ${whole.length} were refused`)
})

test('what is right is unpacked as it is: nested archives as files, modes down to whether it runs', async context => {
  const { cache, zip } = await cacheIn(context)
  const nested = zipOf({ name: '../evil', body: 'x' })
  await writeFile(
    zip,
    zipOf(
      good,
      { name: 'empty/', mode: 0o040_755 },
      { name: 'bin/run', body: '#!/bin/sh', mode: 0o104_755 },
      { name: 'deep/er/data.bin', body: Buffer.from([0, 255, 128]), method: 0 },
      { name: 'inner.zip', body: nested },
      { name: 'grün.txt', body: 'ü' },
    ),
  )
  const { folder, bytes } = await cache.unpack(zip, LIMITS)
  assert.deepEqual((await readdir(folder)).sort(), ['bin', 'deep', 'empty', 'grün.txt', 'index.js', 'inner.zip'])
  assert.deepEqual(await readFile(join(folder, 'deep/er/data.bin')), Buffer.from([0, 255, 128]))
  assert.deepEqual(await readFile(join(folder, 'inner.zip')), nested)
  const modes = await Promise.all(
    ['bin/run', 'index.js'].map(async name => (await stat(join(folder, name))).mode & 0o7777),
  )
  assert.deepEqual(modes, [0o755, 0o644])
  assert.ok(bytes > nested.length)
})
