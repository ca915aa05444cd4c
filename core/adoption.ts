/** Taking in dead letters that other systems made: the engine of a mapping that adopts parks its records instead of running them. */
import { type Foreign, readForeign } from '../dlq/foreign.ts'
import type { LetterStore } from '../dlq/store.ts'
import type { Clock } from './clock.ts'
import type { ResolvedMapping } from './config/resolved.ts'
import type { DeadLetter, EventRecord } from './contract.ts'
import type { Engine, Invocation, Report } from './engine/contract.ts'
import { errorInfo } from './errors.ts'

export interface AdoptionParts {
  readonly store: Pick<LetterStore, 'park'>
  readonly clock: Clock
  /** Those of the configuration, to find whose records they were. */
  readonly mappings: () => readonly ResolvedMapping[]
}

/** A store that is down charges nobody: the records come again. */
export const adoptingEngine = (engine: Engine, adopting: ResolvedMapping, parts: AdoptionParts): Engine => ({
  ...engine,
  version: () => ADOPTED,
  stats: () => NO_STATS,
  async acquire() {
    return { release() {}, invoke: invocation => adopt(invocation, adopting, parts) }
  },
})

const ADOPTED = 'adopted'

const adopt = async (invocation: Invocation, adopting: ResolvedMapping, parts: AdoptionParts): Promise<Report> => {
  const startMs = parts.clock.monotonic()
  const letters = invocation.records.map(({ record, firstSeen }) =>
    adoptedLetter(record, { adopting, mappings: parts.mappings(), now: parts.clock.now(), firstSeen }),
  )
  const outcome = await parts.store.park(letters).then(
    (): Report['outcome'] => ({ kind: 'answered', value: undefined, refused: [] }),
    (error: unknown): Report['outcome'] => ({ kind: 'not-ready', error: errorInfo(error) }),
  )
  const durationMs = parts.clock.monotonic() - startMs
  return { ...NOWHERE, outcome, durationMs }
}

const NO_STATS = { environments: 0, busy: 0, waiting: 0, coldStarts: 0, invocations: 0, throttled: 0 }

/** No environment was needed. */
const NOWHERE = {
  environment: 'none',
  version: ADOPTED,
  cold: false,
  billedMs: 0,
  gbSeconds: 0,
  memoryMb: 0,
  logs: [],
} as const

export interface AdoptedBy {
  readonly adopting: ResolvedMapping
  readonly mappings: readonly ResolvedMapping[]
  readonly now: number
  readonly firstSeen: number | undefined
}

/**
 * The record as it was where it came from, and whose it is: that of the mapping which reads that place, else of the one
 * that adopts, from where it can be sent back.
 */
export const adoptedLetter = (found: EventRecord, { adopting, mappings, now, firstSeen }: AdoptedBy): DeadLetter => {
  const foreign = readForeign(found)
  const { connection } = adopting.channel
  const source = sourceOf(foreign, connection.name) ?? found.source
  const reader = mappings.find(({ channel, adopts }) => channel.address === source && !adopts)
  const record = recordOf(found, foreign, source)
  const at = foreign.failedAt ?? found.time
  return {
    mapping: reader?.name ?? adopting.name,
    function: { name: reader?.functionName ?? adopting.functionName, version: ADOPTED },
    group: foreign.group ?? reader?.group ?? adopting.group,
    kind: connection.kind,
    record,
    reason: 'parked',
    error: foreign.error,
    attempts: foreign.from === 'plain' ? [] : [{ number: 1, at: Number.isFinite(at) ? at : now, error: foreign.error }],
    firstSeen: firstSeen ?? now,
    parkedAt: now,
    adoptedFrom: foreign.from,
  }
}

const sourceOf = ({ origin }: Foreign, connection: string): string | undefined =>
  origin === undefined || origin.includes('/') ? origin : `${connection}/${origin}`

/** By Kafka's names a record has the id it had for the mapping that read it: a letter it has already stays one. */
const recordOf = (found: EventRecord, { position, key, time }: Foreign, source: string): EventRecord => {
  const { topic, partition, offset } = position ?? {}
  const known = topic !== undefined && partition !== undefined && offset !== undefined && time !== undefined
  return {
    ...found,
    source,
    ...(known ? { id: `${topic}/${partition}/${offset}@${time}`, idStrength: 'stable' } : {}),
    ...(time === undefined ? {} : { time }),
    ...(key === undefined ? {} : { key }),
    ...(position ? { position } : {}),
  }
}
