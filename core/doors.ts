/** The doors of an app: ways in whose records go to a channel, opened for as long as the app runs. */
import type { DoorStatus } from './app-status.ts'
import { type Clock, sleep } from './clock.ts'
import type { Door } from './config/channel.ts'
import type { Connections } from './connections.ts'
import type { OutgoingRecord } from './contract.ts'
import { type MillraceError, wrapError } from './errors.ts'
import { bodyCheck } from './event/check-body.ts'
import { atMost } from './flow/within.ts'
import type { Log } from './log.ts'
import type { DoorTools, OpenDoor } from './request-contract.ts'

export interface Doors {
  /** Keeps these open from now on. Resolves when each is open, or was found not to open yet. Answers what changed. */
  replace(doors: readonly Door[]): Promise<void>
  status(): readonly DoorStatus[]
  /** Takes nothing more; resolves when everybody inside was answered. */
  stop(): Promise<void>
}

export interface DoorsParts {
  readonly clock: Clock
  readonly log: Log
  readonly connections: Pick<Connections, 'openDoor'>
  readonly sendEach: (address: string, records: readonly OutgoingRecord[]) => Promise<readonly (null | MillraceError)[]>
}

interface Kept {
  readonly door: Door
  readonly identity: string
  readonly closing: AbortController
  state: 'opening' | 'open' | 'failed'
  problem: MillraceError | undefined
  opened: Promise<OpenDoor | undefined>
}

const OPEN_AGAIN_MS = 1_000
/** Whoever is inside waits for a broker, which has time limits of its own. */
const CLOSE_TIMEOUT_MS = 30_000

export const createDoors = ({ clock, log, connections, sendEach }: DoorsParts): Doors => {
  const kept = new Map<string, Kept>()

  const toolsOf = ({ into }: Door): DoorTools => ({
    check: bodyCheck(into),
    send: records => sendEach(into.address, records),
  })

  const keep = (door: Door): Promise<unknown> => {
    const known = Promise.withResolvers<void>()
    const one: Kept = {
      door,
      identity: identityOf(door),
      closing: new AbortController(),
      state: 'opening',
      problem: undefined,
      opened: Promise.resolve(undefined),
    }
    one.opened = openAtLast(one, known.resolve)
    kept.set(door.address, one)
    return Promise.race([one.opened, known.promise])
  }

  /** Tries until it opens: a port may still be another process's, which is about to go. */
  const openAtLast = async (one: Kept, found: () => void): Promise<OpenDoor | undefined> => {
    const { door, closing } = one
    while (!closing.signal.aborted) {
      try {
        const opened = await connections.openDoor(door, toolsOf(door))
        one.state = 'open'
        one.problem = undefined
        return opened
      } catch (thrown) {
        const error = wrapError('SOURCE_FAILED', `opening ${door.address}`, thrown)
        if (!one.problem || error.fatal) log.error('a door does not open', { door: door.address, error })
        one.problem = error
        one.state = error.fatal ? 'failed' : 'opening'
        found()
        if (error.fatal) return undefined
        await sleep(clock, OPEN_AGAIN_MS, closing.signal)
      }
    }
    return undefined
  }

  const close = async (one: Kept): Promise<void> => {
    kept.delete(one.door.address)
    one.closing.abort()
    const opened = await one.opened
    opened?.drain()
    if (opened) await atMost(clock, CLOSE_TIMEOUT_MS, opened.close())
  }

  return {
    async replace(doors) {
      const wanted = new Map(doors.map(door => [door.address, door]))
      const gone = [...kept.values()].filter(one => {
        const next = wanted.get(one.door.address)
        return next === undefined || identityOf(next) !== one.identity
      })
      await Promise.all(gone.map(close))
      await Promise.all([...wanted.values()].filter(door => !kept.has(door.address)).map(keep))
    },
    status: () =>
      [...kept.values()].map(({ door, state, problem }) => ({
        address: door.address,
        into: door.into.address,
        state,
        ...(problem ? { problem: problem.message } : {}),
      })),
    async stop() {
      await Promise.all([...kept.values()].map(close))
    },
  }
}

const identityOf = ({ address, options, connection, into }: Door): string =>
  JSON.stringify([address, options, connection.name, into.address, String(into.codec), into.schema !== undefined])
