/** Zips as tests need them: byte by byte, because no tool writes the wrong ones. */
import { crc32, deflateRawSync } from 'node:zlib'

export interface Written {
  readonly name: string | Uint8Array
  readonly body?: string | Uint8Array
  /** Default: deflated (8). */
  readonly method?: number
  /** Unix mode with the kind of file. Default: a plain file, 0644. */
  readonly mode?: number
  readonly flags?: number
  /** What the directory says, where that is not true. */
  readonly claims?: { readonly bytes?: number; readonly compressedBytes?: number; readonly crc?: number }
  readonly extra?: Uint8Array
}

const PLAIN = 0o100_644
const UTF8 = 0x800

export const zipOf = (...entries: readonly Written[]): Buffer => {
  const locals: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const entry of entries) {
    const { local, central } = encode(entry, offset)
    locals.push(local)
    directory.push(central)
    offset += local.length
  }
  const centre = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(Math.min(entries.length, 0xffff), 8)
  end.writeUInt16LE(Math.min(entries.length, 0xffff), 10)
  end.writeUInt32LE(centre.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, centre, end])
}

const encode = (entry: Written, offset: number): { local: Buffer; central: Buffer } => {
  const { method = 8, mode = PLAIN, flags = UTF8, claims = {}, extra = Buffer.alloc(0) } = entry
  const name = Buffer.from(entry.name)
  const body = Buffer.from(entry.body ?? '')
  const data = method === 8 ? deflateRawSync(body) : body
  const common = Buffer.alloc(26)
  common.writeUInt16LE(20, 0)
  common.writeUInt16LE(flags, 2)
  common.writeUInt16LE(method, 4)
  common.writeUInt32LE(claims.crc ?? crc32(body), 10)
  common.writeUInt32LE(claims.compressedBytes ?? data.length, 14)
  common.writeUInt32LE(claims.bytes ?? body.length, 18)
  common.writeUInt16LE(name.length, 22)
  common.writeUInt16LE(extra.length, 24)
  const central = Buffer.alloc(46)
  central.writeUInt32LE(0x02014b50, 0)
  central.writeUInt16LE(0x0314, 4)
  common.copy(central, 6)
  central.writeUInt32LE((mode << 16) >>> 0, 38)
  central.writeUInt32LE(offset, 42)
  return {
    local: Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, name, extra, data]),
    central: Buffer.concat([central, name, extra]),
  }
}
