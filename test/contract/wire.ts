/** A connection to a broker in memory that can be cut, and a source over it that does what a good one does then. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Source } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'

export interface Wire {
  readonly state: 'up' | 'away'
  /** How often it was cut. */
  readonly cuts: number
  /** Whoever holds claims over it loses them, at once. */
  cut(): Promise<void>
  /** Cut, and away for a moment. */
  restart(): Promise<void>
  onCut(lose: () => Promise<void>): void
}

const AWAY_MS = 50

export const createWire = (): Wire => {
  const readers = new Set<() => Promise<void>>()
  let state: Wire['state'] = 'up'
  let cuts = 0
  const cut = async (): Promise<void> => {
    cuts += 1
    await Promise.all([...readers].map(lose => lose()))
  }
  return {
    get state() {
      return state
    },
    get cuts() {
      return cuts
    },
    cut,
    async restart() {
      state = 'away'
      await cut()
      await pause(AWAY_MS)
      state = 'up'
    },
    onCut: lose => void readers.add(lose),
  }
}

/** Reads over `wire`: a cut loses all claims, while the broker is away polls fail and verdicts are not taken. */
export const overWire = async (wire: Wire, open: () => Promise<Source>): Promise<Source> => {
  let current: Source | undefined = await open()
  let closed: 'yes' | 'no' = 'no'
  wire.onCut(async () => {
    const old = current
    current = undefined
    await old?.close()
  })
  const away = (): MillraceError => new MillraceError('SOURCE_FAILED', 'the broker is away')
  const reader = async (): Promise<Source> => {
    if (wire.state === 'away') throw away()
    current ??= await open()
    return current
  }
  const poll: Source['poll'] = async request => {
    if (closed === 'yes') return []
    return wire.state === 'up' && current ? current.poll(request) : (await reader()).poll(request)
  }
  return {
    ...current,
    poll,
    async settle(settlements) {
      if (wire.state === 'up') return (await reader()).settle(settlements)
      return settlements.flatMap(({ delivery }) => (delivery.lost.aborted ? [] : [{ delivery, error: away() }]))
    },
    pause: async () => current?.pause(),
    resume: async () => current?.resume(),
    lag: async () => (await (await reader()).lag?.()) ?? [],
    async close() {
      closed = 'yes'
      await current?.close()
    },
  }
}
