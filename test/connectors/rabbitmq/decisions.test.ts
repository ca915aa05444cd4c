import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renewalCount } from '../../../connectors/rabbitmq/again.ts'
import { priorDeliveries, stepOf } from '../../../connectors/rabbitmq/claims.ts'
import { rabbitError } from '../../../connectors/rabbitmq/failure.ts'
import { framesFor } from '../../../connectors/rabbitmq/tags.ts'
import type { Delivery, Settlement } from '../../../core/contract.ts'
import { MillraceError } from '../../../core/errors.ts'

const frames: readonly (readonly [
  what: string,
  open: readonly number[],
  done: readonly number[],
  upTo: number | undefined,
  singles: readonly number[],
])[] = [
  ['all of them', [1, 2, 3], [3, 1, 2], 3, []],
  ['the first ones', [1, 2, 3], [1, 2], 2, []],
  ['none of the first', [1, 2, 3], [2, 3], undefined, [2, 3]],
  ['a gap', [4, 5, 6, 7], [7, 5, 4], 5, [7]],
  ['what is left behind others that went before', [9, 12, 13], [9, 12], 12, []],
  ['one alone', [8], [8], 8, []],
  ['nothing', [1, 2], [], undefined, []],
]

for (const [what, open, done, upTo, singles] of frames)
  test(`one frame acknowledges up to the first open tag, single ones what lies beyond: ${what}`, () => {
    assert.deepEqual(framesFor(open, new Set(done)), { upTo, singles })
  })

test('whatever is done, the frames name exactly that', () => {
  for (let bits = 0; bits < 2 ** 8; bits += 1) {
    const open = [2, 3, 5, 7, 11, 13, 17, 19]
    const done = new Set(open.filter((_, index) => (bits >> index) & 1))
    const { upTo = 0, singles } = framesFor(open, done)
    assert.deepEqual(new Set(open.filter(tag => tag <= upTo || singles.includes(tag))), done)
  }
})

const counted: readonly (readonly [redelivered: boolean, count: unknown, expected: number | undefined])[] = [
  [false, undefined, 0],
  [true, 4, 4],
  // A classic queue knows of a claim before, and not of how many: the core then looks at how the process ended.
  [true, undefined, undefined],
  [true, 'a header of somebody', undefined],
]

for (const [redelivered, count, expected] of counted)
  test(`redelivered ${redelivered} and counted ${count}: ${expected} claims ended without a verdict`, () => {
    assert.equal(priorDeliveries(redelivered, count), expected)
  })

test('a record is renewed at half of the limit of its queue, and early where no limit is known', () => {
  assert.deepEqual([1, 2, 3, 20, 'unknown' as const].map(renewalCount), [1, 1, 2, 10, 3])
})

const delivery = {} as Delivery
const carried = { attempts: 2, firstSeen: 5, deliveries: 0 }
const steps: readonly (readonly [Settlement, string])[] = [
  [{ delivery, outcome: 'accepted' }, 'ack'],
  [{ delivery, outcome: 'rejected', reason: new MillraceError('RECORD_FAILED', 'parked') }, 'ack'],
  [{ delivery, outcome: 'released', attempts: 2 }, 'nack'],
  [{ delivery, outcome: 'released', attempts: 3 }, 'again'],
  [{ delivery, outcome: 'deferred', attempts: 2, delayMs: 9 }, 'defer'],
]

for (const [settlement, step] of steps)
  test(`${settlement.outcome}${'attempts' in settlement ? ` with ${settlement.attempts} attempts, 2 in the message` : ''}: ${step}`, () => {
    assert.equal(stepOf(settlement, carried), step)
  })

const broken = (code: number, message = 'said the broker'): Error => Object.assign(new Error(message), { code })
const refused = 'Handshake terminated by server: 403 (ACCESS-REFUSED) with message "…"'

test('an error says what to do, and is fatal only where trying again cannot mend it', () => {
  const said = [
    rabbitError('SOURCE_FAILED', 'connecting', new Error(refused), 'connecting'),
    rabbitError('SOURCE_FAILED', 'connecting', new Error('connect ECONNREFUSED'), 'connecting'),
    rabbitError('SOURCE_FAILED', 'reading rabbit/q', broken(404)),
    rabbitError('SEND_FAILED', 'sending to rabbit/q', broken(403)),
    rabbitError('SETTLE_FAILED', 'settling', broken(541)),
  ].map(({ code, fatal, message }) => [code, fatal, message])
  assert.deepEqual(said, [
    [
      'SOURCE_FATAL',
      true,
      `connecting: ${refused}; the broker does not accept this user and password; check url, username and password`,
    ],
    ['SOURCE_FAILED', false, 'connecting: connect ECONNREFUSED; the broker cannot be reached; check url, and tls'],
    ['SOURCE_FAILED', false, 'reading rabbit/q: said the broker; it does not exist; create it, or correct its name'],
    [
      'SEND_FAILED',
      false,
      'sending to rabbit/q: said the broker; this user may not do that; allow it by `rabbitmqctl set_permissions`',
    ],
    ['SETTLE_FAILED', false, 'settling: said the broker'],
  ])
})

test('several addresses of one host that all refuse have no message, but a code', () => {
  const error = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })
  assert.match(rabbitError('SOURCE_FAILED', 'connecting', error, 'connecting').message, /^connecting: ECONNREFUSED;/)
})
