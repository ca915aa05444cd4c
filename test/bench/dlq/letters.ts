/** Letters as a shop has them: a hundred kinds of failures, ten thousand keys, two months. */
import type { DeadLetter } from '../../../core/contract.ts'

const DAY_MS = 24 * 3_600_000
const START = Date.UTC(2026, 0, 1)
const encoder = new TextEncoder()

export const MAPPINGS = ['charge', 'mail', 'index', 'export', 'audit']
export const KINDS = 100
export const KEYS = 10_000

/** The letter with this number, of so many; 1 KB of body. */
export const letterNumber = (number: number, all: number): DeadLetter => {
  const mapping = MAPPINGS[number % MAPPINGS.length] ?? ''
  const kind = (number * 7_919) % KINDS
  const at = START + Math.floor((number / all) * 60 * DAY_MS)
  const error = { name: `Error${kind % 20}`, message: `order ${number} cannot be ${words(kind)}` }
  return {
    mapping,
    function: { name: mapping, version: 'v1' },
    group: `shop.${mapping}`,
    kind: 'kafka',
    record: {
      id: `orders/${number % 12}/${number}`,
      idStrength: 'stable',
      source: `shop/${mapping}`,
      time: at,
      key: `customer-${(number * 104_729) % KEYS}`,
      headers: [['trace', `t${number}`]],
      body: encoder.encode(JSON.stringify({ id: number, total: kind, text: PADDING })),
      position: { topic: mapping, partition: number % 12, offset: number },
    },
    reason: 'exhausted',
    error,
    attempts: [{ number: 1, at, durationMs: 3, error }],
    firstSeen: at,
    parkedAt: at,
  }
}

const PADDING = 'x'.repeat(960)

/** A message that is the same for every letter of its kind. */
const words = (kind: number): string =>
  [...String(kind)].map(digit => 'abcdefghij'.charAt(Number(digit)).repeat(3)).join(' ')
