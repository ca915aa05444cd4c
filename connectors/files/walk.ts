/** Looking at files: everything below a folder, or some paths of which something was heard. */
import type { Database } from '../../core/database.ts'
import { errorInfo } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Growing, Now } from './complete.ts'
import { etagOf, type Found, joined, look, namesIn } from './disk.ts'
import { indexed, indexedBelow, type Observed } from './tables.ts'
import type { Wanted } from './wanted.ts'

export interface Walking {
  readonly root: Buffer
  readonly wanted: Wanted
  readonly growing: Growing
  readonly hashUpTo: number
  readonly database: Database
  readonly reader: number
  readonly now: () => Now
  readonly log: Log
  /** Paths of which was said that they cannot be read. */
  readonly refused: Set<string>
}

export interface Walked {
  readonly observed: readonly Observed[]
  /** Files that are being written, and in how many milliseconds to look again. */
  readonly again: readonly { readonly path: Buffer; readonly inMs: number }[]
}

/** So many files are looked at at once. */
const AT_ONCE = 64

/** What differs from the index at these paths: of a file itself, of a folder all that it holds or held. */
export async function* walk(walking: Walking, paths: readonly Buffer[]): AsyncGenerator<Walked> {
  const { root, wanted } = walking
  for (let at = 0; at < paths.length; at += AT_ONCE) {
    const sights = await inParts(paths.slice(at, at + AT_ONCE), async path => ({ path, sight: await look(root, path) }))
    const files = sights.flatMap(({ sight }) => (sight.is === 'file' ? [sight.found] : []))
    yield together(
      await inParts(
        files.filter(({ path }) => wanted.isWanted(path)),
        found => observe(walking, found),
      ),
    )
    for (const { path, sight } of sights)
      if (sight.is !== 'file' && sight.is !== 'unknown') yield* walkBelow(walking, path)
  }
}

async function* walkBelow(walking: Walking, path: Buffer): AsyncGenerator<Walked> {
  const { database, reader } = walking
  const seen = new Set<string>()
  for await (const files of filesBelow(walking, path)) {
    for (const { path: found } of files) seen.add(found.toString('latin1'))
    yield together(await inParts(files, each => observe(walking, each)))
  }
  const known = [indexed(database, reader, path), ...indexedBelow(database, reader, path)]
  const missing = known.flatMap(row => {
    const missed = row && Buffer.from(row.path)
    return missed && !seen.has(missed.toString('latin1')) ? [missed] : []
  })
  const gone = await inParts(missing, each => observeMissing(walking, each))
  // Where the folder itself has gone, nothing was removed from it.
  if (gone.length > 0 && (await look(walking.root, Buffer.alloc(0))).is === 'folder') yield together(gone)
}

type Seen = Observed | { readonly path: Buffer; readonly inMs: number } | undefined

const together = (seen: readonly Seen[]): Walked => ({
  observed: seen.flatMap(each => (each && 'state' in each ? [each] : [])),
  again: seen.flatMap(each => (each && 'inMs' in each ? [each] : [])),
})

/** Oldest first within a folder, so that they come in the order in which they were written. */
async function* filesBelow(walking: Walking, path: Buffer): AsyncGenerator<readonly Found[]> {
  const { root, wanted } = walking
  if ((await look(root, path)).is !== 'folder' || !wanted.mayHold(path)) return
  const names = await namesIn(root, path).catch(error => {
    refuse(walking, path, error)
    return []
  })
  const sights = await inParts(names, async name => {
    const below = joined(path, name)
    return { below, sight: await look(root, below) }
  })
  const files = sights.flatMap(each => (each.sight.is === 'file' ? [each.sight.found] : []))
  const ours = files.filter(found => wanted.isWanted(found.path))
  yield ours.toSorted((one, other) => one.mtime - other.mtime || Buffer.compare(one.path, other.path))
  for (const each of sights) if (each.sight.is === 'folder') yield* filesBelow(walking, each.below)
}

const observe = async (walking: Walking, found: Found): Promise<Seen> => {
  const { database, reader, growing, root, hashUpTo } = walking
  const known = indexed(database, reader, found.path)
  if (known && known.size === found.size && known.mtime === found.mtime) {
    growing.forget(found.path)
    return undefined
  }
  const judged = growing.judge(found, walking.now())
  if (judged !== 'complete') return { path: found.path, inMs: judged }
  try {
    const etag = await etagOf(root, found, hashUpTo)
    const after = await look(root, found.path)
    const same = after.is === 'file' && after.found.size === found.size && after.found.mtime === found.mtime
    walking.refused.delete(found.path.toString('latin1'))
    return same ? { ...found, state: 'there', etag } : { path: found.path, inMs: 0 }
  } catch (error) {
    refuse(walking, found.path, error)
    return undefined
  }
}

const observeMissing = async ({ root, wanted, growing }: Walking, path: Buffer): Promise<Seen> => {
  const { is } = await look(root, path)
  // One that is not meant any more is not told of; it is as if it had never been.
  if (is === 'unknown' || (is === 'file' && wanted.isWanted(path))) return undefined
  growing.forget(path)
  return { path, state: 'gone' }
}

/** Says it once for each path; it is looked at again with the whole folder. */
const refuse = ({ log, refused }: Walking, path: Buffer, error: unknown): void => {
  const name = path.toString('latin1')
  if (refused.has(name)) return
  refused.add(name)
  log.warn('a file cannot be read, so nothing is told of it until it can', {
    path: path.toString(),
    error: errorInfo(error),
  })
}

const inParts = async <Item, Result>(
  items: readonly Item[],
  run: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> => {
  const results: Result[] = []
  for (let at = 0; at < items.length; at += AT_ONCE)
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(run))))
  return results
}
