import type { Attempt, DeadLetter, EventRecord } from '../../core/contract.ts'

/** A record with everything in it that a broker can give. */
export const fullRecord = (id: string, change: Partial<EventRecord> = {}): EventRecord => ({
  id,
  idStrength: 'stable',
  source: 'local/orders',
  time: 1_700_000_000_123,
  key: new Uint8Array([0, 255, 128]),
  headers: [
    ['trace', 'a'],
    ['trace', new Uint8Array([0, 200])],
    ['big', 12_345_678_901_234_567_890n],
    ['odd', Number.NaN],
    ['nested', { $bytes: 'not bytes', list: [1, null, new Date(5), -0] }],
  ],
  properties: { priority: 3, 'x-death': [{ count: 2n }] },
  body: new Uint8Array([0, 1, 2, 0xff, 0xfe, 0xed, 0xa0, 0x80]),
  position: { queue: 'orders', offset: 42 },
  ...change,
})

export const attempt = (number: number, at = 1_700_000_000_000 + number): Attempt => ({
  number,
  at,
  durationMs: 12,
  environment: 'env-1',
  error: { name: 'TypeError', message: `cannot charge order ${number}`, stack: 'TypeError: …\n    at charge' },
  logs: ['charging'],
})

export const letterFor = (record: EventRecord, change: Partial<DeadLetter> = {}): DeadLetter => ({
  mapping: 'charge',
  function: { name: 'charge', version: 'v1' },
  group: 'shop.charge',
  record,
  reason: 'exhausted',
  error: { name: 'TypeError', message: 'cannot charge order 17' },
  attempts: [attempt(1), attempt(2)],
  firstSeen: 1_700_000_000_500,
  parkedAt: 1_700_000_001_000,
  ...change,
})
