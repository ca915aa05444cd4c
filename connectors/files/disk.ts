/**
 * What is on the disk, by names that are bytes: on Linux a name may be anything but a slash. Links are never followed, so
 * nothing outside the folder is ever looked at.
 */
import { createHash } from 'node:crypto'
import { access, constants, lstat, open, readdir } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

export interface Found {
  /** Below the folder that is watched. */
  readonly path: Buffer
  readonly size: number
  /** Milliseconds since the epoch, with a fraction. */
  readonly mtime: number
}

const SLASH = Buffer.from('/')

export const joined = (folder: Buffer, path: Buffer): Buffer =>
  folder.length === 0 ? path : path.length === 0 ? folder : Buffer.concat([folder, SLASH, path])

/** `unknown`: it cannot be told, because of a right that is missing or a disk that fails. */
export type Sight =
  | { readonly is: 'file'; readonly found: Found }
  | { readonly is: 'folder' | 'gone' | 'other' }
  | { readonly is: 'unknown'; readonly error: unknown }

/** Of a path in the folder `root`, whose parts must all be folders and no links. */
export const look = async (root: Buffer, path: Buffer): Promise<Sight> => {
  for (let at = path.indexOf(SLASH); at >= 0; at = path.indexOf(SLASH, at + 1)) {
    const above = await lookOnce(root, path.subarray(0, at))
    if (above.is === 'unknown') return above
    if (above.is !== 'folder') return { is: 'gone' }
  }
  return lookOnce(root, path)
}

const lookOnce = async (root: Buffer, path: Buffer): Promise<Sight> => {
  try {
    const stats = await lstat(joined(root, path))
    if (stats.isFile()) return { is: 'file', found: { path, size: stats.size, mtime: stats.mtimeMs } }
    return { is: stats.isDirectory() ? 'folder' : 'other' }
  } catch (error) {
    return isGone(error) ? { is: 'gone' } : { is: 'unknown', error }
  }
}

export const isGone = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes(String((error as NodeJS.ErrnoException).code))

/** The names in a folder, those of links and the like as well. */
export const namesIn = (root: Buffer, path: Buffer): Promise<readonly Buffer[]> =>
  readdir(joined(root, path), { encoding: 'buffer' })

/** Rejects where it cannot be read. Up to `hashUpTo` bytes it is of the content, else of size and time. */
export const etagOf = async (root: Buffer, { path, size, mtime }: Found, hashUpTo: number): Promise<string> => {
  const file = joined(root, path)
  if (size > hashUpTo) {
    await access(file, constants.R_OK)
    return `${size.toString(16)}-${Math.round(mtime * 1_000).toString(16)}`
  }
  // A name that is replaced by a link, or a pipe, meanwhile is neither followed nor waited for.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  const hash = createHash('md5')
  await pipeline(handle.createReadStream(), hash)
  return hash.digest('hex')
}
