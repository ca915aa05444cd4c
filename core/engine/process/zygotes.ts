/**
 * Blank processes, started before anybody needs them, so that a cold start costs only the import of the function. Some
 * are kept for each kind that functions need; whoever finds none starts a process of its own and waits for nobody.
 *
 *   want ──▶ refill, once nothing was started for a while and nobody waits ──▶ ready ── take ──▶ an environment
 *               ▲                                                                └─ ended by itself: again, later and later
 *               └──────────────────────────────────────────────────────────── take
 */
import type { Cancel, Clock } from '../../clock.ts'
import { errorInfo } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { rehearsalRequest } from '../hosting/rehearsal.ts'
import { MESSAGE } from '../wire/message.ts'
import type { Blank } from './blank.ts'
import type { BlankKind } from './blank-kind.ts'

export interface Zygotes {
  /** From now on some are kept for this function. */
  want(functionName: string, kind: BlankKind): void
  /** The function is another one now, or gone. */
  forget(functionName: string): void
  /** To be called for each process that is to be started; undefined when there is none. It is the caller's from now on. */
  take(kind: BlankKind): Blank | undefined
  count(): number
  /** Ends those nobody took; resolves when they are gone. */
  close(): Promise<void>
}

export interface ZygoteParts {
  /** How many of each kind. */
  readonly count: number
  readonly clock: Clock
  readonly log: Log
  readonly start: (kind: BlankKind, id: string) => Blank
  /** Whether somebody waits for an environment: then there is better use for the CPU. */
  readonly isWaitedFor: () => boolean
}

/** Nothing was started for so long: a burst of cold starts is over. */
const QUIET_MS = 250
/** The first wait after one that ended by itself, and the longest. */
const FIRST_WAIT_MS = 1_000
const MAX_WAIT_MS = 60_000
/** All at once, and nobody waits for their answers. */
const BLANK_REHEARSALS = 20

interface Kept {
  readonly kind: BlankKind
  readonly wantedBy: Set<string>
  readonly ready: Blank[]
  /** Those that ended by themselves since the last that did not. */
  failures: number
  notBeforeMs: number
}

export const openZygotes = ({ count, clock, log, start, isWaitedFor }: ZygoteParts): Zygotes => {
  const kinds = new Map<string, Kept>()
  const ending = new Set<Promise<void>>()
  let made = 0
  let closed = false
  let lastStartMs = clock.monotonic()
  let cancel: Cancel | undefined

  const lacking = (): Kept | undefined =>
    [...kinds.values()].filter(({ ready }) => ready.length < count).sort((a, b) => a.notBeforeMs - b.notBeforeMs)[0]
  const refillSoon = (): void => {
    const next = lacking()
    if (closed || cancel || !next) return
    const dueMs = Math.max(lastStartMs + QUIET_MS, next.notBeforeMs)
    cancel = clock.after(Math.max(0, dueMs - clock.monotonic()), refill)
  }
  const refill = (): void => {
    cancel = undefined
    const nowMs = clock.monotonic()
    const next = lacking()
    if (isWaitedFor()) lastStartMs = Math.max(lastStartMs, nowMs - QUIET_MS / 2)
    else if (next && lastStartMs + QUIET_MS <= nowMs && next.notBeforeMs <= nowMs) add(next)
    refillSoon()
  }
  const add = (kept: Kept): void => {
    made += 1
    let blank: Blank
    try {
      blank = start(kept.kind, `blank-${process.pid}-${made}`)
    } catch (thrown) {
      failed(kept, errorInfo(thrown).message)
      return
    }
    kept.ready.push(blank)
    hold(blank, 'unref')
    blank.writer.write(MESSAGE.preload, 0, '')
    const { header, bodies } = rehearsalRequest()
    for (let id = 1; id <= BLANK_REHEARSALS; id += 1) blank.writer.write(MESSAGE.rehearse, id, header, bodies)
    void blank.held.ended.then(({ code, signal, problem }) => {
      const at = kept.ready.indexOf(blank)
      // Taken: whose it is now looks after it.
      if (at < 0) return
      kept.ready.splice(at, 1)
      blank.forget()
      failed(kept, problem ?? `it ended with ${signal ?? `exit code ${code}`}`)
      refillSoon()
    })
  }
  const failed = (kept: Kept, why: string): void => {
    const waitMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** kept.failures)
    kept.failures += 1
    kept.notBeforeMs = clock.monotonic() + waitMs
    log.warn(`a blank process for functions ${[...kept.wantedBy].join(', ')}: ${why}; another one in ${waitMs} ms`)
  }
  const end = async (kept: Kept): Promise<void> => {
    const ending = kept.ready.splice(0)
    for (const blank of ending) {
      blank.held.kill()
      // Their end is waited for, perhaps by the last thing that the host does.
      hold(blank, 'ref')
    }
    for (const { held, forget } of ending) await held.ended.then(forget)
  }

  const endUnwanted = (): void => {
    for (const [key, kept] of kinds) {
      if (kept.wantedBy.size > 0) continue
      kinds.delete(key)
      const ended = end(kept).finally(() => ending.delete(ended))
      ending.add(ended)
    }
  }

  return {
    want(functionName, kind) {
      if (count === 0 || !kind.shareable || closed) return
      const kept = kinds.get(kind.key) ?? { kind, wantedBy: new Set(), ready: [], failures: 0, notBeforeMs: 0 }
      kinds.set(kind.key, kept)
      kept.wantedBy.add(functionName)
      refillSoon()
    },
    forget(functionName) {
      for (const { wantedBy } of kinds.values()) wantedBy.delete(functionName)
      // Later, because most new versions want the same kind.
      queueMicrotask(endUnwanted)
    },
    take(kind) {
      lastStartMs = clock.monotonic()
      const kept = kinds.get(kind.key)
      // One that is still starting is sooner there than another one.
      const blank = kept?.ready.shift()
      if (!kept || !blank) return undefined
      kept.failures = 0
      hold(blank, 'ref')
      refillSoon()
      return blank
    },
    count: () => [...kinds.values()].reduce((sum, { ready }) => sum + ready.length, 0),
    async close() {
      closed = true
      cancel?.()
      const left = [...kinds.values()]
      kinds.clear()
      await Promise.all([...ending, ...left.map(end)])
    },
  }
}

/** Nobody's process and the pipes to it are nothing that the host should wait for when it has nothing else to do. */
const hold = ({ child }: Blank, how: 'ref' | 'unref'): void => {
  child[how]()
  for (const stream of child.stdio) (stream as Partial<Record<typeof how, () => void>> | null)?.[how]?.()
}
