/**
 * Where an environment notes the request it has begun, so that the host of a dead environment knows whether the
 * function saw it. A file without a name that both hold open: a frame would wake the host for every request, which
 * costs a fifth of a small batch's time, to tell what is asked for only after a death.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The file's descriptor in the environment. */
export const MARK_FD = 4

const MARK_BYTES = 4

export interface BeginMark {
  /** To be handed to the process as its descriptor 4. */
  readonly fd: number
  /** The last request that was begun; 0 for none. */
  read(): number
  close(): void
}

/** Throws what the file system throws when there is no writable temp folder. */
export const openBeginMark = (): BeginMark => {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-'))
  const fd = openSync(join(dir, 'begun'), 'wx+', 0o600)
  rmSync(dir, { recursive: true })
  const bytes = Buffer.alloc(MARK_BYTES)
  return {
    fd,
    read: () => (readSync(fd, bytes, 0, MARK_BYTES, 0) === MARK_BYTES ? bytes.readUInt32LE(0) : 0),
    close: () => closeSync(fd),
  }
}

/** In the environment, before any code of the user sees the request. */
export const markBegun = (request: number): void => {
  marked.writeUInt32LE(request, 0)
  writeSync(MARK_FD, marked, 0, MARK_BYTES, 0)
}

const marked = Buffer.alloc(MARK_BYTES)
