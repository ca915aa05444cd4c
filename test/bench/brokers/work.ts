/** The same job for every contestant of a broker: 1 KB records there already, handed to a function that does nothing. */

/** Not measured: until they are settled, compilers and fetches warm up and environments start. */
export const LEAD_RECORDS = 20_000
export const BATCH_SIZE = 100
/** The topic, queue or stream. */
export const PLACE = 'bench'
/** What names the broker to the channels of Millrace's contestants. */
export const URL_VARIABLE = 'MILLRACE_BENCH_URL'

/** JSON that every peer takes: NestJS wants a pattern and no id, message-queue-toolkit a type. */
export const BODY = bodyOf(1_024)

function bodyOf(bytes: number): Buffer {
  const fields = { type: 'job', pattern: 'job' }
  const empty = JSON.stringify({ ...fields, data: '' })
  return Buffer.from(JSON.stringify({ ...fields, data: 'x'.repeat(bytes - empty.length) }))
}

/** One round of one contestant. */
export interface Work {
  readonly url: string
  readonly place: string
  /** All of a round, the lead included. */
  readonly records: number
  /** A group that was never here before; its reading begins at the first record. */
  readonly group: string
  /** Empty and its own, for a state. */
  readonly folder: string
}

/** What a contestant's module exports as `consume`. */
export type Consume = (work: Work, progress: Progress) => Promise<Consuming>

/** To be told whenever more records are settled: acknowledged at the broker, as far as the client can know. */
export type Progress = (settled: number) => void

export interface Consuming {
  /** After the last record was settled; leaves the broker in order. */
  stop(): Promise<void>
}
