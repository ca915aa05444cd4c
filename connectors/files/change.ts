/** A change as a record: the same bytes whenever it is read. */
import { isUtf8 } from 'node:buffer'
import type { ChannelRef, EventRecord } from '../../core/contract.ts'
import type { FileChange } from './channel.ts'
import { joined } from './disk.ts'
import type { ChangeRow } from './tables.ts'

export const recordOf = (channel: ChannelRef, root: Buffer, row: ChangeRow): EventRecord => {
  const path = Buffer.from(row.path)
  const file = joined(root, path)
  const change: FileChange = {
    event: row.event,
    path: path.toString(),
    file: file.toString(),
    ...(row.size === null ? {} : { size: row.size }),
    ...(row.mtime === null ? {} : { modified: isoTime(row.mtime) }),
    ...(row.etag === null ? {} : { etag: row.etag }),
    ...(isUtf8(file) ? {} : { fileBytes: file.toString('base64') }),
  }
  return {
    id: `file:${channel.name}:${row.number}`,
    idStrength: 'stable',
    source: channel.address,
    time: row.time,
    key: isUtf8(path) ? path.toString() : new Uint8Array(path),
    headers: [],
    body: new TextEncoder().encode(JSON.stringify(change)),
    position: { folder: root.toString(), path: path.toString(), change: row.number },
  }
}

/** A disk may say anything. */
const isoTime = (ms: number): string => {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? new Date(0).toISOString() : date.toISOString()
}
