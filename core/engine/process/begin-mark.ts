/**
 * The host's side of where an environment notes the request it has begun, so that the host of a dead environment knows whether the
 * function saw it. A file without a name that both hold open: a frame would wake the host for every request, which
 * costs a fifth of a small batch's time, to tell what is asked for only after a death.
 *
 *   begun: written here ─▶ then `recalled` is read      recalled: written there ─▶ then `begun` is read
 *
 * Each side writes before it reads, so of a request that is recalled while it begins at least one of them sees it, even
 * where the function that runs never lets a message be read.
 */
import { closeSync, mkdtempSync, openSync, rmdirSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BEGUN_AT, LOADING_AT, RECALLED_AT, readWord, writeWord } from './mark-words.ts'

export interface BeginMark {
  /** To be handed to the process as its descriptor 4. */
  readonly fd: number
  /** The last request that was begun; 0 for none. */
  read(): number
  /** Requests up to this one that have not begun never will; answers the last that has, or is about to find that out. */
  recall(upTo: number): number
  /** Whether code of the user was about to be loaded. */
  loading(): boolean
  close(): void
}

/** Throws what the file system throws when there is no writable temp folder. */
export const openBeginMark = (): BeginMark => {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-'))
  const file = join(dir, 'begun')
  const fd = openSync(file, 'wx+', 0o600)
  unlinkSync(file)
  rmdirSync(dir)
  const read = (): number => readWord(fd, BEGUN_AT)
  return {
    fd,
    read,
    recall(upTo) {
      writeWord(fd, RECALLED_AT, upTo)
      return read()
    },
    loading: () => readWord(fd, LOADING_AT) > 0,
    close: () => closeSync(fd),
  }
}
