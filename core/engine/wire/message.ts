/** What the host and an environment say to each other, whatever carries it. */

/** Low numbers are the host's, high ones the environment's. */
export const MESSAGE = {
  load: 1,
  invoke: 2,
  abort: 3,
  sent: 4,
  close: 5,
  /** To a process that was started blank: whose it is, before its function is loaded. */
  enter: 6,
  /** To one that is to stay blank for a while. */
  preload: 7,
  /** After a `ready` of a function with `snapshot`: its `afterRestore`, and another `ready`. */
  restore: 8,
  keysAnswered: 9,
  /** A piece of a streamed answer was taken by the caller. */
  taken: 10,
  /** A request for a function of ours, before there is one for the user's. */
  rehearse: 11,
  /** As `invoke`, where nothing is before it: it is not recalled, and where another one follows that comes at once. */
  invokeOnly: 12,
  ready: 16,
  notReady: 17,
  answered: 18,
  failed: 19,
  mismatch: 20,
  send: 21,
  log: 22,
  dying: 23,
  /** What an environment without pipes printed; its id is the file descriptor. */
  printed: 24,
  /** Of the app's store of idempotency keys. */
  keys: 25,
  /** A streamed answer: first its head as the header, then its pieces as bodies. */
  piece: 26,
  /** A request that it did not begin, because the host had taken it back. */
  recalled: 27,
  rehearsed: 28,
} as const

export interface Message {
  readonly kind: number
  readonly id: number
  /** The header's JSON; the empty string for none. */
  readonly header: string
  /** Bodies of records, one after the other, exactly as they are. */
  readonly body: Buffer
}

/** What an environment says of its Init, in milliseconds. */
export interface ReadyHeader {
  /** How old its process or thread was when it began to import the function. */
  readonly ageMs: number
  readonly importMs: number
}

export const NO_BODIES: readonly Uint8Array[] = Object.freeze([])

/** What a thread passes on of what an invocation prints, in characters: more than the host shows at once. */
export const PRINTED_CHARS = 4_194_304
