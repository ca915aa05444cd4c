/** Which files of a folder are meant. */
import { posix } from 'node:path'

export interface Wanted {
  isWanted(path: Buffer): boolean
  /** Whether it is worth looking into this folder: not where files go that are done with. */
  mayHold(folder: Buffer): boolean
}

/** `apart`: folders below the watched one that are none of it, as paths below it. */
export const createWanted = (
  { include, exclude }: { readonly include: readonly string[]; readonly exclude: readonly string[] },
  apart: readonly Buffer[],
): Wanted => {
  const isApart = (path: Buffer): boolean =>
    apart.some(folder => path.equals(folder) || path.subarray(0, folder.length + 1).equals(withSlash(folder)))
  return {
    isWanted(path) {
      const text = path.toString()
      const matches = (pattern: string): boolean => posix.matchesGlob(text, pattern)
      return include.some(matches) && !exclude.some(matches) && !isApart(path)
    },
    mayHold: folder => !isApart(folder),
  }
}

const withSlash = (path: Buffer): Buffer => Buffer.concat([path, Buffer.from('/')])
