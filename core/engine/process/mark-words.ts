/** What is in the file of begin-mark.ts, and the environment's side of it: without what only a host needs, because it is loaded at each start. */
import { readSync, writeSync } from 'node:fs'

/** The file's descriptor in the environment. */
const MARK_FD = 4

const WORD_BYTES = 4
export const BEGUN_AT = 0
export const RECALLED_AT = 4
export const LOADING_AT = 8

/** In the environment, before any code of the user sees the request. */
export const markBegun = (request: number): void => writeWord(MARK_FD, BEGUN_AT, request)

/** In the environment, of a request that was marked: it is not to begin. */
export const isRecalled = (request: number): boolean => request <= readWord(MARK_FD, RECALLED_AT)

/** In the environment, before any code of the user is loaded. */
export const markLoading = (): void => writeWord(MARK_FD, LOADING_AT, 1)

const word = Buffer.alloc(WORD_BYTES)

export const writeWord = (fd: number, at: number, value: number): void => {
  word.writeUInt32LE(value, 0)
  writeSync(fd, word, 0, WORD_BYTES, at)
}

/** 0 where nothing was written yet. */
export const readWord = (fd: number, at: number): number =>
  readSync(fd, word, 0, WORD_BYTES, at) === WORD_BYTES ? word.readUInt32LE(0) : 0
