/**
 * Looks at the folder: whole at first and now and then, and at what chokidar tells of at once. What is true is on the disk
 * and in the index; a telling is only a reason to look, so that one that is missed, or told twice, does no harm.
 */
import { watch } from 'chokidar'
import { type Clock, sleepUnless } from '../../core/clock.ts'
import { errorInfo } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { look } from './disk.ts'
import type { Observed } from './tables.ts'
import { type Walking, walk } from './walk.ts'

export interface Watching {
  /** Resolves when the folder was looked through once. */
  readonly first: Promise<void>
  /** Has this path, below the folder, looked at again. */
  lookAt(path: Buffer): void
  close(): Promise<void>
}

export interface WatchingOptions {
  readonly walking: Walking
  readonly clock: Clock
  readonly log: Log
  /** Milliseconds. */
  readonly lookEveryMs: number
  /** Rejects where it could not be stored; then it is looked at again. */
  readonly onObserved: (observed: readonly Observed[]) => Promise<void>
  /** After each look. */
  readonly onLooked: () => Promise<void>
}

/** What is told within this time is looked at together. */
const GATHER_MS = 20
/** So many files are written down in one transaction. */
const AT_ONCE = 500
const ABSENT_PAUSE_MS = 500
const ALL = Buffer.alloc(0)

export const startWatching = (options: WatchingOptions): Watching => {
  const { walking, clock, log, lookEveryMs } = options
  const first = Promise.withResolvers<void>()
  /** By path, in bytes: when to look at it, by the monotonic clock. */
  const due = new Map<string, number>([['', 0]])
  let bell = Promise.withResolvers<void>()
  let phase: 'open' | 'closed' = 'open'
  let isThere: 'yes' | 'no' = 'yes'

  const lookAt = (path: Buffer, inMs = GATHER_MS): void => {
    const name = path.toString('latin1')
    const at = clock.monotonic() + inMs
    if (at >= (due.get(name) ?? Number.POSITIVE_INFINITY)) return
    due.set(name, at)
    bell.resolve()
  }
  const stopHearing = hear(walking.root, log, told => lookAt(told))

  /** What is found is written down together, a part at a time. */
  const lookBelow = async (paths: readonly Buffer[]): Promise<void> => {
    let found: Observed[] = []
    const writeDown = async (): Promise<void> => {
      const observed = found
      found = []
      if (observed.length > 0 && phase === 'open') await options.onObserved(observed)
    }
    for await (const { observed, again } of walk(walking, paths)) {
      for (const each of again) lookAt(each.path, Math.max(each.inMs, GATHER_MS))
      found.push(...observed)
      if (found.length >= AT_ONCE) await writeDown()
      if (phase === 'closed') return
    }
    await writeDown()
  }
  const isRootThere = async (): Promise<boolean> => {
    const { is } = await look(walking.root, ALL)
    if (is !== 'folder' && isThere === 'yes')
      log.warn('the folder is not there; it is waited for, and nothing counts as removed', {
        folder: walking.root.toString(),
      })
    if (is === 'folder' && isThere === 'no') log.info('the folder is there again', { folder: walking.root.toString() })
    isThere = is === 'folder' ? 'yes' : 'no'
    return is === 'folder'
  }
  const round = async (): Promise<void> => {
    if (!(await isRootThere())) {
      lookAt(ALL, ABSENT_PAUSE_MS)
      return
    }
    const now = clock.monotonic()
    const paths = [...due].filter(([, at]) => at <= now).map(([name]) => name)
    for (const name of paths) due.delete(name)
    if (paths.includes('')) {
      lookAt(ALL, lookEveryMs)
      await lookBelow([ALL])
      first.resolve()
    } else await lookBelow(paths.map(name => Buffer.from(name, 'latin1')))
    await options.onLooked()
  }
  const run = async (): Promise<void> => {
    while (phase === 'open') {
      try {
        bell = Promise.withResolvers()
        await round()
      } catch (error) {
        log.warn('the folder could not be looked through; it is tried again', { error: errorInfo(error) })
        lookAt(ALL, ABSENT_PAUSE_MS)
      }
      const nextMs = Math.min(...due.values()) - clock.monotonic()
      if (phase === 'open' && nextMs > 0) await sleepUnless(clock, nextMs, bell.promise)
    }
    first.resolve()
  }
  const ended = run()
  return {
    first: first.promise,
    lookAt,
    async close() {
      phase = 'closed'
      bell.resolve()
      await Promise.all([ended, stopHearing()])
    },
  }
}

/** `told` gets paths below the folder; all of it where a name is not UTF-8, which arrives garbled. */
const hear = (root: Buffer, log: Log, told: (path: Buffer) => void): (() => Promise<void>) => {
  const folder = root.toString()
  const watcher = watch(folder, { ignoreInitial: true, followSymlinks: false, atomic: false })
  watcher.on('all', (_event, path) => {
    const below = path.slice(folder.length + 1)
    told(below.includes('\ufffd') ? ALL : Buffer.from(below))
  })
  // What came before it listened was told by nobody.
  watcher.on('ready', () => told(ALL))
  watcher.on('error', error =>
    log.warn('not every change is heard of; the folder is looked through every lookEvery', { error: errorInfo(error) }),
  )
  return () => watcher.close()
}
