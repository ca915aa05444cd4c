/** Carries verdicts to the source, keeps those it did not take, and remembers those it could not be told (DESIGN 5.3). */
import type { Clock } from '../clock.ts'
import type { Settlement, Source } from '../contract.ts'
import { MillraceError, wrapError } from '../errors.ts'
import type { Entry } from './entry.ts'
import { createOutbox, type Refused } from './outbox.ts'
import { within } from './within.ts'

export interface Settler {
  /** Verdicts not yet taken by the source. */
  readonly size: number
  settle(entry: Entry, settlement: Settlement): void
  /** The verdict on an earlier delivery of the same record, whose claim was lost before it could be settled. */
  remembered(id: string): FinalOutcome | undefined
  /** Remembers what became of a record whose claim is gone, until the source takes it for a later claim. */
  remember(entry: Entry, outcome: FinalOutcome): void
  /** Resolves when every verdict was taken or its claim lost. */
  idle(): Promise<void>
}

export type FinalOutcome = 'accepted' | 'rejected'

export interface SettlerOptions {
  readonly clock: Clock
  readonly random: () => number
  /** Aborted: what was refused is not tried again. */
  readonly signal: AbortSignal
  readonly settleTimeoutMs: number
  readonly source: () => Source
  /** Called once for each entry whose verdict the source took. */
  readonly onSettled: (entry: Entry, settlement: Settlement) => void
  readonly onTrouble: (error: MillraceError, verdicts: number) => void
  /** The source has refused for `settleTimeoutMs`: it must be reopened, by which all its claims are lost. */
  readonly onStuck: () => void
}

interface Verdict {
  readonly entry: Entry
  readonly settlement: Settlement
}

/** A forgotten one is only invoked again; this bounds the memory at some tens of megabytes. */
const REMEMBERED_IDS = 100_000

export const createSettler = (options: SettlerOptions): Settler => {
  const { clock, random, settleTimeoutMs } = options
  const memory = new Map<string, FinalOutcome>()

  const remember = (entry: Entry, outcome: FinalOutcome): void => {
    const { id, idStrength } = entry.delivery.record
    if (idStrength !== 'stable') return
    memory.delete(id)
    memory.set(id, outcome)
    const oldest = memory.size > REMEMBERED_IDS ? memory.keys().next().value : undefined
    if (oldest !== undefined) memory.delete(oldest)
  }

  const outbox = createOutbox<Verdict>({
    clock,
    random,
    signal: options.signal,
    async deliver(verdicts) {
      const claimed = verdicts.filter(isClaimed)
      if (claimed.length === 0) return undefined
      const refused = await settle(claimed)
      const again = new Set(refused?.items)
      for (const verdict of claimed) {
        // A claim that was lost meanwhile was perhaps not settled: its verdict is remembered.
        if (again.has(verdict) || !isClaimed(verdict)) continue
        if (memory.size > 0) memory.delete(verdict.entry.delivery.record.id)
        options.onSettled(verdict.entry, verdict.settlement)
      }
      return refused
    },
    onRefused({ items, error }, forMs) {
      options.onTrouble(error, items.length)
      if (forMs >= settleTimeoutMs) options.onStuck()
    },
  })

  const settle = async (verdicts: readonly Verdict[]): Promise<Refused<Verdict> | undefined> => {
    try {
      const call = options.source().settle(verdicts.map(verdict => verdict.settlement))
      const unsettled = await within(clock, settleTimeoutMs, call, () => silent(settleTimeoutMs))
      const [first] = unsettled
      if (!first) return undefined
      const deliveries = new Set(unsettled.map(item => item.delivery))
      return { items: verdicts.filter(verdict => deliveries.has(verdict.entry.delivery)), error: first.error }
    } catch (error) {
      return { items: verdicts, error: wrapError('SETTLE_FAILED', 'settling', error) }
    }
  }

  return {
    get size() {
      return outbox.size
    },
    settle(entry, settlement) {
      const { outcome } = settlement
      if (entry.state !== 'gone') {
        entry.state = 'settling'
        if (isFinal(outcome)) entry.verdict = outcome
        outbox.push({ entry, settlement })
      } else if (isFinal(outcome)) remember(entry, outcome)
    },
    remembered: id => (memory.size === 0 ? undefined : memory.get(id)),
    remember,
    idle: outbox.idle,
  }
}

/** A verdict whose claim is gone has nobody to be told to. */
const isClaimed = ({ entry }: Verdict): boolean => entry.state !== 'gone'

const isFinal = (outcome: Settlement['outcome']): outcome is FinalOutcome =>
  outcome === 'accepted' || outcome === 'rejected'

const silent = (timeoutMs: number): MillraceError =>
  new MillraceError('SETTLE_FAILED', `the source has not answered a settle within ${timeoutMs} ms`)
