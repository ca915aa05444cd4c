import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import kafkajs from 'kafkajs'
import { COMPRESSION_TYPES, MAX_BATCH_BYTES, registerCodecs } from '../../../connectors/kafka/compression.ts'
import { lz4Compress, lz4Decompress } from '../../../connectors/kafka/lz4.ts'
import type { MillraceError } from '../../../core/errors.ts'
import { createRandom } from '../../simulation/random.ts'

const require = createRequire(import.meta.url)
/** Another implementation, to compare with. */
const lz4js = require('lz4js') as { compress(bytes: Uint8Array): Uint8Array; decompress(bytes: Uint8Array): Uint8Array }

registerCodecs()

const NAMES = ['gzip', 'snappy', 'lz4', 'zstd'] as const

interface KafkajsCodec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>
  decompress(bytes: Buffer): Promise<Buffer>
}

/** As kafkajs looks them up. */
const codecs: Record<number, () => KafkajsCodec> = kafkajs.CompressionCodecs

const codecOf = (name: (typeof NAMES)[number]): KafkajsCodec => {
  const load = codecs[COMPRESSION_TYPES[name]]
  assert.ok(load)
  return load()
}

/** Texts of all sizes around the limits of the formats, some that repeat themselves, some that do not. */
const samples = (): readonly Buffer[] => {
  const random = createRandom(7)
  const sizes = [0, 1, 4, 5, 12, 13, 15, 16, 17, 19, 255, 270, 274, 1_000, 32_768, 65_535, 65_536, 65_537, 200_000]
  return sizes.flatMap(size => [
    Buffer.alloc(size, 'a'),
    Buffer.from(Array.from({ length: size }, () => random.int(0, 255))),
    Buffer.from(Array.from({ length: size }, () => random.int(0, 3))),
    Buffer.from('{"id":"order-000017","total":42.5},'.repeat(Math.ceil(size / 35)).slice(0, size)),
  ])
}

for (const name of NAMES)
  test(`${name} unpacks what it packed, whatever it is`, async () => {
    for (const sample of samples()) {
      const packed = await codecOf(name).compress({ buffer: sample })
      assert.ok((await codecOf(name).decompress(packed)).equals(sample), `${sample.length} bytes`)
    }
  })

test('lz4 and another implementation read each other', () => {
  for (const sample of samples().filter(({ length }) => length > 0)) {
    assert.ok(Buffer.from(lz4js.decompress(lz4Compress(sample))).equals(sample), `ours, ${sample.length} bytes`)
    const theirs = Buffer.from(lz4js.compress(sample))
    assert.ok(lz4Decompress(theirs, 1_000_000).equals(sample), `theirs, ${sample.length} bytes`)
  }
})

test('snappy without the frame of Java is read, too', async () => {
  const { compress } = require('snappyjs') as { compress(bytes: Buffer): Buffer }
  const sample = Buffer.from('bare '.repeat(100))
  assert.ok((await codecOf('snappy').decompress(compress(sample))).equals(sample))
})

const isHopeless = (error: MillraceError & { readonly retriable?: boolean }): boolean =>
  error.fatal && error.code === 'SOURCE_FATAL' && error.retriable === false

const tooMuch = (): readonly (readonly [name: (typeof NAMES)[number], bomb: Buffer])[] => {
  const zeros = Buffer.alloc(MAX_BATCH_BYTES + 1)
  return [
    ['gzip', gzipSync(zeros, { level: 9 })],
    ['zstd', zstdCompressSync(zeros)],
    ['lz4', lz4Compress(zeros)],
    // The length that a bare block claims: 4 GB.
    ['snappy', Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0])],
  ]
}

test('what would be more than a batch may be is refused before it takes the memory', async () => {
  for (const [name, bomb] of tooMuch()) {
    const before = process.memoryUsage().rss
    await assert.rejects(codecOf(name).decompress(bomb), isHopeless, name)
    const tookBytes = process.memoryUsage().rss - before
    assert.ok(tookBytes < 4 * MAX_BATCH_BYTES, `${name} took ${tookBytes} bytes`)
  }
})

for (const name of NAMES)
  test(`${name} that is cut short or broken anywhere is refused or unpacked to something, and no more`, async () => {
    const random = createRandom(11)
    const packed = await codecOf(name).compress({
      buffer: Buffer.from('{"id":"order-000017","total":42.5},'.repeat(500)),
    })
    for (let cut = 0; cut < packed.length; cut += Math.max(1, Math.floor(packed.length / 40)))
      await codecOf(name)
        .decompress(packed.subarray(0, cut))
        .catch(error => assert.ok(isHopeless(error), `${error}`))
    for (let round = 0; round < 300; round += 1) {
      const broken = Buffer.from(packed)
      broken[random.int(0, broken.length - 1)] = random.int(0, 255)
      await codecOf(name)
        .decompress(broken)
        .catch(error => assert.ok(isHopeless(error), `${error}`))
    }
  })
