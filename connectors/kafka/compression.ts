/**
 * The codecs of record batches. kafkajs has gzip only, and unpacks whatever size is claimed; these replace and complete
 * it, and unpack at most {@link MAX_BATCH_BYTES}: a few hundred bytes of a hostile producer can claim to be gigabytes.
 */
import { promisify } from 'node:util'
import { gunzip, gzip, zstdCompress, zstdDecompress } from 'node:zlib'
import kafkajs from 'kafkajs'
import { errorInfo, MillraceError } from '../../core/errors.ts'
import { lz4Compress, lz4Decompress } from './lz4.ts'
import { loadSnappy } from './snappy.ts'

export const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Compression = (typeof COMPRESSIONS)[number]

/** One batch unpacked, bytes: far more than a producer puts into one, and little enough for any machine. */
export const MAX_BATCH_BYTES = 128 * 1024 * 1024

interface Codec {
  compress(bytes: Buffer): Buffer | Promise<Buffer>
  decompress(bytes: Buffer): Buffer | Promise<Buffer>
}

const LIMIT = { maxOutputLength: MAX_BATCH_BYTES }
const [pack, unpack] = [promisify(gzip), promisify(gunzip)]
const [packZstd, unpackZstd] = [promisify(zstdCompress), promisify(zstdDecompress)]

const CODECS: Readonly<Record<Exclude<Compression, 'none'>, () => Codec>> = {
  gzip: () => ({ compress: bytes => pack(bytes), decompress: bytes => unpack(bytes, LIMIT) }),
  zstd: () => ({ compress: bytes => packZstd(bytes), decompress: bytes => unpackZstd(bytes, LIMIT) }),
  lz4: () => ({ compress: lz4Compress, decompress: bytes => lz4Decompress(bytes, MAX_BATCH_BYTES) }),
  snappy() {
    const snappy = loadSnappy()
    if (!snappy) throw missing('snappy', 'snappyjs')
    return { compress: snappy.compress, decompress: bytes => snappy.decompress(bytes, MAX_BATCH_BYTES) }
  },
}

/** kafkajs's names for them, which are Kafka's numbers. */
export const COMPRESSION_TYPES: Readonly<Record<Compression, number>> = {
  none: kafkajs.CompressionTypes.None,
  gzip: kafkajs.CompressionTypes.GZIP,
  snappy: kafkajs.CompressionTypes.Snappy,
  lz4: kafkajs.CompressionTypes.LZ4,
  zstd: kafkajs.CompressionTypes.ZSTD,
}

let registered: 'yes' | 'no' = 'no'

/** Makes kafkajs use these codecs; one that is not installed is missed when a batch needs it. Does it once. */
export const registerCodecs = (): void => {
  if (registered === 'yes') return
  registered = 'yes'
  const codecs: Record<number, () => KafkajsCodec> = kafkajs.CompressionCodecs
  for (const [name, load] of Object.entries(CODECS)) {
    let codec: KafkajsCodec | undefined
    codecs[COMPRESSION_TYPES[name as Compression]] = () => {
      codec ??= forKafkajs(name, load())
      return codec
    }
  }
}

/** Throws CONFIG_INVALID where records are to be sent in a compression whose codec is not installed. */
export const needsCodec = (compression: Compression, path: string): void => {
  if (compression === 'none') return
  try {
    CODECS[compression]()
  } catch (error) {
    throw new MillraceError('CONFIG_INVALID', `${path} is '${compression}', but ${errorInfo(error).message}`, {
      cause: error,
      fatal: true,
    })
  }
}

interface KafkajsCodec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>
  decompress(bytes: Buffer): Promise<Buffer>
}

const forKafkajs = (name: string, codec: Codec): KafkajsCodec => ({
  compress: async ({ buffer }) => codec.compress(buffer),
  async decompress(bytes) {
    try {
      return await codec.decompress(bytes)
    } catch (error) {
      const why = errorInfo(error).message
      throw hopeless(
        `a batch of ${bytes.length} bytes cannot be unpacked by ${name} (${why}; at most ${MAX_BATCH_BYTES} bytes); set the group's offset behind it, then start again`,
      )
    }
  },
})

const missing = (name: string, install: string): MillraceError =>
  hopeless(`the codec for ${name} is not installed; npm install ${install}, or have producers use gzip, lz4 or zstd`)

/** kafkajs tries seven times whatever does not say that this is in vain. */
const hopeless = (message: string): MillraceError =>
  Object.assign(new MillraceError('SOURCE_FATAL', message, { fatal: true }), { retriable: false })
