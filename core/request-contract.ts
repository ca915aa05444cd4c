/** What only requests and doors have: whoever brought something waits, and is answered. No code lives here. */
import type { OutgoingRecord } from './contract.ts'
import type { MillraceError } from './errors.ts'

/** What comes before the body of an answer to a request. */
export interface AnswerHead {
  readonly status: number
  /** Names in lower case; one that stands more than once is sent more than once. */
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** What a request is answered with; plain, so that JSON carries it. The body of bytes that are no text is base64. */
export interface RequestAnswer extends AnswerHead {
  readonly body: string
  readonly isBase64: boolean
}

/** An answer on its way. It ends when its delivery is settled: accepted as a whole, rejected as cut off. */
export interface AnswerStream {
  /** Called once, before the first piece. */
  begin(head: AnswerHead): void
  /** Resolves when more may come; undefined: at once. Rejects when nobody takes it any more. */
  write(piece: Uint8Array): Promise<void> | undefined
}

/** What a door hands to the channel behind it. */
export interface DoorTools {
  /** RECORD_UNDECODABLE or RECORD_INVALID, as codec and schema of that channel say of a body; never rejects. */
  check(body: Uint8Array | null): MillraceError | undefined | Promise<MillraceError | undefined>
  /** Resolves once each record is confirmed by the broker (null), or certainly not or perhaps not (an error). */
  send(records: readonly OutgoingRecord[]): Promise<readonly (null | MillraceError)[]>
}

export interface OpenDoor {
  /** Takes nothing more for good; what is inside may still be sent. */
  drain(): void
  /** Resolves when everybody inside was answered; may be called twice. */
  close(): Promise<void>
}
