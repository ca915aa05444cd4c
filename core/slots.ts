/**
 * Where it is written down which slots of a schedule are done, so that each is run once, by whichever process and machine
 * is first. A reader is a group on a schedule; everything up to `lastMs` was seen to, and what of it is not done is a slot:
 *
 *   not yet due ─▶ entered ─▶ claimed by a member ─▶ done: it is gone
 *                     ▲            │
 *                     └────────────┘ given back, put off, or the member died
 */

/** What becomes of a slot while an earlier one is not finished. */
export type Overlap = 'allow' | 'queue' | 'skip'

export interface SlotReader {
  readonly schedule: string
  /** The group. */
  readonly reader: string
  /** What the schedule is: with another one, what that would have had before now was never scheduled. */
  readonly defined: string
}

export interface TakenSlot {
  /** Milliseconds since the epoch. */
  readonly slot: number
  readonly attempts: number
  /** Claims that ended without a verdict. */
  readonly prior: number
  /** Milliseconds since the epoch at which it was first claimed. */
  readonly seen: number
  /** Whose claim it is; goes back with the verdict. */
  readonly member: string
}

export interface SlotVerdict {
  readonly slot: number
  readonly member: string
  /** `back`: it comes again, not before `due`, in milliseconds since the epoch. */
  readonly outcome: 'done' | 'back'
  readonly attempts: number
  readonly due: number
}

export interface Entering {
  /** What is entered came due after this… */
  readonly lastMs: number
  /** …and up to this. */
  readonly untilMs: number
  /** Ascending; `due` is when it is to be run. */
  readonly slots: readonly { readonly slot: number; readonly due: number }[]
  readonly overlap: Overlap
  /** So many unfinished slots at most. */
  readonly max: number
}

/** The slots of one reader, as one open source has them: it is a member, and beats for as long as it lives. */
export interface Slots {
  /** How often it is worth looking for what others did, in milliseconds. */
  readonly lookEveryMs: number
  /** `others`: another member may have died with claims, which {@link take} finds out. */
  look(nowMs: number): Promise<{ readonly lastMs: number; readonly ready: boolean; readonly others: boolean }>
  /** In one piece; answers how many were left out. Undefined, and nothing was done, when somebody has entered since `lastMs`. */
  enter(entering: Entering): Promise<number | undefined>
  /**
   * Claims the earliest that are ready; with `queue` the first unfinished one alone. `member` is another than before when
   * this one was taken for dead: then it holds nothing any more but what was just taken.
   */
  take(want: {
    readonly max: number
    readonly nowMs: number
    readonly overlap: Overlap
  }): Promise<{ readonly member: string; readonly taken: readonly TakenSlot[] }>
  /** Of each whether the claim was its member's still. */
  settle(verdicts: readonly SlotVerdict[]): Promise<readonly boolean[]>
  beat(nowMs: number): Promise<void>
  unfinished(): Promise<{ readonly records: number; readonly oldest: number | null }>
  /** Gives back what it holds. */
  leave(): Promise<void>
}

export interface SlotStore {
  /** Where this is, for people. */
  readonly where: string
  /** Finds the reader, or makes it: then nothing is due that was before. */
  open(reader: SlotReader, nowMs: number): Promise<Slots>
  close(): Promise<void>
}

/** How often {@link Slots.beat} has to be called. */
export const SLOT_BEAT_MS = 10_000
/** A member that is silent for so long is taken for dead. */
export const SLOT_LEASE_MS = 30_000

/** Which of the slots are entered, where so many are unfinished. The others are left out. */
export const entered = <Slot>(
  slots: readonly Slot[],
  unfinished: number,
  { overlap, max }: Entering,
): readonly Slot[] => {
  if (overlap === 'skip') return unfinished === 0 ? slots.slice(-1) : []
  return slots.slice(0, Math.max(0, max - unfinished))
}
