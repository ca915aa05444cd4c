/** What the engine is invoked with in a bench: records of bytes, as a source has them. */
import type { Invocation, InvokedRecord } from '../../core/engine/contract.ts'

const NEVER = new AbortController().signal

export const invokedRecord = (address: string, body: Uint8Array, index: number): InvokedRecord => ({
  record: {
    id: `record-${index}`,
    idStrength: 'stable',
    source: address,
    time: 1_767_225_600_000 + index,
    key: `key-${index % 7}`,
    headers: [],
    body,
    position: { sequence: index },
  },
  attempt: 1,
  idempotencyKey: `bench/bench/${address}/record-${index}`,
  fence: 1_767_225_600_000_000 + index,
})

export const benchInvocation = (address: string, records: readonly InvokedRecord[]): Invocation => ({
  requestId: crypto.randomUUID(),
  mapping: 'bench',
  channel: address,
  codec: 'json',
  hasSchema: false,
  order: 'none',
  records,
  signal: NEVER,
})
