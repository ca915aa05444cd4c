/**
 * Who reads a list or a stream: a name in Redis with a lease, renewed from here for as long as this process lives, whatever its
 * functions do. Whoever finds a lease over gives back what that reader held; it then is a reader no more, and none of
 * its verdicts counts.
 */
import { randomUUID } from 'node:crypto'
import type { Cancel } from '../../core/clock.ts'
import { errorInfo } from '../../core/errors.ts'
import { isAlive, ownerFromText, ownerToText, thisProcess } from '../../core/owner.ts'
import type { RedisPlace } from './place.ts'

export interface Membership {
  /** New with every joining. */
  readonly id: string
  /** Aborted when what this reader holds is no longer its own. */
  readonly lost: AbortController
}

/** Why a reader is one no more: it said so, its lease was over, its process is certainly gone. */
export type Ending = 'left' | 'over' | 'gone'

/** Now and each reader with the end of its lease, in turn, in milliseconds by Redis's clock. */
export type LeaseTable = readonly string[]

/** What happens to leases in Redis; each rejects when Redis cannot be asked. */
export interface Leases {
  /** Begins a lease; answers with all there are instead where another reader is to be alone. */
  join(id: string): Promise<'joined' | LeaseTable>
  /** Renews it. Answers undefined to a reader that was taken for dead. */
  beat(id: string): Promise<LeaseTable | undefined>
  /** Gives back what a reader holds; how many that were, or -1 when there is no such reader or its lease was renewed. */
  retire(id: string, how: Ending): Promise<number>
}

export interface Reader {
  /**
   * Joins where this process is no reader: at first, and after it was taken for dead. Undefined while another one is
   * alone. Rejects when Redis cannot be asked.
   */
  joined(): Promise<Membership | undefined>
  /** It was found out that this one is no reader any more: what it held is another's. */
  expelled(membership: Membership): void
  /** The one who held a delivery, or undefined when that one is no reader any more. */
  current(): Membership | undefined
  /** Ends at once, and gives back what it holds. Rejects when Redis cannot be told: the lease ends by itself then. */
  leave(): Promise<void>
}

export interface ReaderTools {
  readonly place: RedisPlace
  readonly leases: Leases
  readonly address: string
  /** What its ids begin with. */
  readonly prefix: string
  /** Milliseconds. */
  readonly leaseMs: number
  /** Records of other readers came back. */
  readonly onReturned: () => void
}

/** Two lost beats do not cost the lease. */
const BEATS_PER_LEASE = 4
/** How soon a beat is tried again that failed, or found no lease to renew. */
const AGAIN_MS = 1_000
/**
 * Of a lease: a reader is dead when it is late for so long, which after an outage is time to come back in. Less than the
 * time between two beats, so that the second one finds it.
 */
const GRACE = 1 / (2 * BEATS_PER_LEASE)
/** How long a reader that leaves waits for a connection to say so. */
const LEAVE_PATIENCE_MS = 3_000

export const createReader = (tools: ReaderTools): Reader => {
  const { place, leases, leaseMs, address } = tools
  const { clock, log, commands } = place
  let membership: Membership | undefined
  let joining: Promise<Membership | undefined> | undefined
  let lateSinceMs: ReadonlyMap<string, number> = new Map()
  let ended: 'no' | 'yes' = 'no'
  let cancel: Cancel = () => {}

  const join = async (): Promise<Membership | undefined> => {
    const id = `${tools.prefix}${randomUUID()}${OWNED_BY}${ownerToText(thisProcess())}`
    const answer = await leases.join(id)
    if (answer !== 'joined') {
      await retireDead(answer)
      return undefined
    }
    const me = { id, lost: new AbortController() }
    membership = me
    await renew(me)
    return membership
  }
  const expelled = (which: Membership): void => {
    if (membership !== which) return
    membership = undefined
    which.lost.abort()
    log.warn(
      `${address}: this reader was silent for too long and was taken for dead; what it had claimed is lost to it`,
    )
  }
  const renew = async (me: Membership): Promise<void> => {
    const table = await leases.beat(me.id)
    if (table === undefined) expelled(me)
    else await retireDead(table)
  }
  const retireDead = async (table: LeaseTable): Promise<void> => {
    const nowMs = clock.monotonic()
    const long = [...lateSinceMs].filter(([, sinceMs]) => nowMs - sinceMs >= leaseMs * GRACE).map(([id]) => id)
    const found = deadAmong(table, new Set(long))
    lateSinceMs = new Map([...found.late].map(id => [id, lateSinceMs.get(id) ?? nowMs]))
    for (const { id, how } of found.dead) {
      const count = await leases.retire(id, how)
      if (count < 0) continue
      log.info(`${address}: gave back ${count} record(s) of a reader that is gone`, { reader: id })
      tools.onReturned()
    }
  }
  const beat = async (): Promise<number> => {
    if (!membership) return AGAIN_MS
    try {
      await renew(membership)
      return leaseMs / BEATS_PER_LEASE
    } catch (error) {
      log.debug(`${address}: could not renew the lease of this reader`, { error: errorInfo(error) })
      lateSinceMs = new Map()
      return Math.min(AGAIN_MS, leaseMs / BEATS_PER_LEASE)
    }
  }
  const keepBeating = (ms: number): void => {
    cancel = clock.after(ms, () => void beat().then(next => ended === 'no' && keepBeating(next)))
  }
  keepBeating(Math.min(AGAIN_MS, leaseMs / BEATS_PER_LEASE))

  return {
    async joined() {
      if (membership || ended === 'yes') return membership
      joining ??= join().finally(() => {
        joining = undefined
      })
      return joining
    },
    expelled,
    current: () => membership,
    async leave() {
      ended = 'yes'
      cancel()
      // What is being begun ends first: else nobody would end it. Whether it failed is told to whoever asked for it.
      await joining?.catch(() => undefined)
      const me = membership
      membership = undefined
      me?.lost.abort()
      if (!me) return
      await commands.ready(LEAVE_PATIENCE_MS)
      await leases.retire(me.id, 'left')
    },
  }
}

/** Stands in a reader's name between what is unique and the process it lives in. */
const OWNED_BY = '@'

/** What is unique of a reader: what the ids of records begin with that it was the first to claim. */
export const idPrefix = ({ id }: Membership): string => `${id.split(OWNED_BY, 1)[0]}-`

export interface Dead {
  readonly id: string
  readonly how: Ending
}

/**
 * Of now and each reader with the end of its lease: who is dead, and who is late. `late` are those that looks before found
 * late, long enough ago for whoever lives to have renewed it; a process of this machine can be looked at instead.
 */
export const deadAmong = (
  [now = '0', ...leases]: LeaseTable,
  late: ReadonlySet<string>,
): { readonly dead: readonly Dead[]; readonly late: ReadonlySet<string> } => {
  const readers = leases.flatMap((id, at) =>
    at % 2 === 0 ? [{ id, isOver: Number(leases[at + 1]) <= Number(now) }] : [],
  )
  const over = readers.filter(each => each.isOver).map(each => each.id)
  const dead = readers.flatMap(({ id }): Dead[] => {
    if (isGone(id)) return [{ id, how: 'gone' }]
    return late.has(id) && over.includes(id) ? [{ id, how: 'over' }] : []
  })
  return { dead, late: new Set(over) }
}

/** Only of a process on this machine, since it started, can that be said without waiting. */
const isGone = (reader: string): boolean => {
  const owner = ownerFromText(reader.slice(reader.indexOf(OWNED_BY) + 1))
  return owner !== undefined && owner.bootId !== '' && owner.bootId === thisProcess().bootId && !isAlive(owner)
}
