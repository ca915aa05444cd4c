/**
 * Where an environment notes the request it has begun, so that the host of a dead environment knows whether the
 * function saw it. A file without a name that both hold open: a frame would wake the host for every request, which
 * costs a fifth of a small batch's time, to tell what is asked for only after a death.
 *
 *   begun: written here ─▶ then `recalled` is read      recalled: written there ─▶ then `begun` is read
 *
 * Each side writes before it reads, so of a request that is recalled while it begins at least one of them sees it, even
 * where the function that runs never lets a message be read.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The file's descriptor in the environment. */
export const MARK_FD = 4

const WORD_BYTES = 4
const BEGUN_AT = 0
const RECALLED_AT = 4
const LOADING_AT = 8

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
  const fd = openSync(join(dir, 'begun'), 'wx+', 0o600)
  rmSync(dir, { recursive: true })
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

/** In the environment, before any code of the user sees the request. */
export const markBegun = (request: number): void => writeWord(MARK_FD, BEGUN_AT, request)

/** In the environment, of a request that was marked: it is not to begin. */
export const isRecalled = (request: number): boolean => request <= readWord(MARK_FD, RECALLED_AT)

/** In the environment, before any code of the user is loaded. */
export const markLoading = (): void => writeWord(MARK_FD, LOADING_AT, 1)

const word = Buffer.alloc(WORD_BYTES)

const writeWord = (fd: number, at: number, value: number): void => {
  word.writeUInt32LE(value, 0)
  writeSync(fd, word, 0, WORD_BYTES, at)
}

/** 0 where nothing was written yet. */
const readWord = (fd: number, at: number): number =>
  readSync(fd, word, 0, WORD_BYTES, at) === WORD_BYTES ? word.readUInt32LE(0) : 0
