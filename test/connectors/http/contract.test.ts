/**
 * The promises of sources (DESIGN section 5) as far as a source of requests makes them, with the same words. The suite of
 * `core/testing/contract` is not run over it: a request is gone with its caller, so that nothing of what that suite does to
 * a source (crash it, cut it, take records again) leaves anything to find. Not promised, and why:
 *
 *   released and deferred records come again    their callers are told to come again, by 503
 *   unsettled ones come again after a crash     their callers are gone, and come again by themselves
 *   the id is the same on redelivery            nothing is delivered twice; a key names what a client sends again
 *   releasing gives back what follows           requests have no order
 *   start is for readers without a position     there is nothing to begin with
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { http } from '../../../connectors/http/channel.ts'
import { httpConnector } from '../../../connectors/http/connector.ts'
import { httpOptions } from '../../../connectors/http/options.ts'
import { systemClock } from '../../../core/clock.ts'
import { parseOptions } from '../../../core/config/options.ts'
import type { Delivery, PollRequest, Settlement, Source } from '../../../core/contract.ts'
import { MillraceError } from '../../../core/errors.ts'
import { logTo } from '../../../core/log.ts'
import { temporaryFolder } from '../../support/folder.ts'

const open = async (context: TestContext) => {
  let url = ''
  const log = logTo((_level, _message, fields) => {
    if (typeof fields.url === 'string') url = fields.url
  })
  const stateDir = await temporaryFolder(context)
  const connection = await httpConnector.connect(
    'api',
    { port: 0 },
    { clock: systemClock, log, random: Math.random, stateDir },
  )
  const declared = http('api').post('/in/:id', { codec: 'bytes', timeout: '5s' })
  const options = parseOptions(httpOptions.channels.route, declared.options, 'route')
  assert.ok('value' in options)
  const channel = { ...declared, options: options.value }
  const source = await connection.openSource(channel, { group: 'g', start: 'earliest', maxInFlight: 10 })
  context.after(async () => {
    await source.close()
    await connection.close()
  })
  return {
    source,
    connection,
    url: `${url}/in`,
    post: (body: string | Uint8Array<ArrayBuffer>, id = '1') => fetch(`${url}/in/${id}`, { method: 'POST', body }),
  }
}

const poll = (source: Source, change: Partial<PollRequest> = {}) =>
  source.poll({
    max: 10,
    maxPerLane: 10,
    maxBytes: 1_000_000,
    waitMs: 2_000,
    skipLanes: new Set(),
    signal: new AbortController().signal,
    ...change,
  })

const accepted = (delivery: Delivery, body = 'ok'): Settlement => ({
  delivery,
  outcome: 'accepted',
  result: { status: 200, headers: [], body, isBase64: false },
})

test('poll resolves as soon as it has one record, with at most max; empty after waitMs; with what it has when aborted', async context => {
  const { source, post } = await open(context)
  assert.deepEqual(await poll(source, { waitMs: 20 }), [])
  const waiting = poll(source)
  const asked = [post('a'), post('b'), post('c')]
  const first = await waiting
  assert.ok(first.length >= 1)
  const got = [...first]
  while (got.length < 3) {
    const more = await poll(source, { max: 1 })
    assert.ok(more.length <= 1)
    got.push(...more)
  }
  const aborting = new AbortController()
  const aborted = poll(source, { signal: aborting.signal })
  aborting.abort()
  assert.deepEqual(await aborted, [])
  await source.settle(got.map(delivery => accepted(delivery)))
  for (const answer of await Promise.all(asked)) assert.equal(answer.status, 200)
})

test('settle may run while a poll waits, every delivery is settled once, and settling a lost one does nothing', async context => {
  const { source, post } = await open(context)
  const asked = post('a')
  const [delivery] = await poll(source)
  assert.ok(delivery)
  const waiting = poll(source, { waitMs: 50 })
  assert.deepEqual(await source.settle([accepted(delivery, 'first')]), [])
  assert.deepEqual(await source.settle([accepted(delivery, 'second')]), [])
  assert.deepEqual(await waiting, [])
  assert.equal(await (await asked).text(), 'first')
})

test('each outcome has its answer', async context => {
  const { source, post } = await open(context)
  const outcomes: readonly ((delivery: Delivery) => Settlement)[] = [
    delivery => ({ delivery, outcome: 'rejected', reason: new MillraceError('FUNCTION_FAILED', 'secret') }),
    delivery => ({ delivery, outcome: 'rejected', reason: new MillraceError('FUNCTION_TIMEOUT', 'secret') }),
    delivery => ({ delivery, outcome: 'rejected', reason: new MillraceError('FUNCTION_ANSWER_TOO_LARGE', 'secret') }),
    delivery => ({ delivery, outcome: 'rejected', reason: new MillraceError('RECORD_INVALID', 'total: too small') }),
    delivery => ({ delivery, outcome: 'released', attempts: 0 }),
    delivery => ({ delivery, outcome: 'deferred', attempts: 0, delayMs: 4_200 }),
  ]
  const told: unknown[] = []
  for (const outcome of outcomes) {
    const asked = post('a')
    const [delivery] = await poll(source)
    assert.ok(delivery)
    await source.settle([outcome(delivery)])
    const answer = await asked
    told.push([answer.status, answer.headers.get('retry-after')])
    assert.ok(!(await answer.text()).includes('secret'))
  }
  assert.deepEqual(told, [
    [500, null],
    [504, null],
    [502, null],
    [400, null],
    [503, '1'],
    [503, '5'],
  ])
})

test('close gives unsettled records back and may be called twice', async context => {
  const { source, connection, post } = await open(context)
  const asked = [post('a'), post('b')]
  const [delivery] = await poll(source, { max: 1 })
  await Promise.all([source.close(), source.close()])
  for (const answer of await Promise.all(asked)) assert.equal(answer.status, 503)
  assert.ok(delivery?.lost.aborted)
  await connection.close()
  await connection.close()
})

test('a body and headers of any bytes arrive unchanged, and a thousand requests each have their own answer', async context => {
  const { source, post } = await open(context)
  const stopping = new AbortController()
  const bodies = new Map<string, Uint8Array | null>()
  const answering = (async () => {
    while (!stopping.signal.aborted)
      for (const delivery of await poll(source, { signal: stopping.signal })) {
        const { params } = delivery.record.properties as unknown as { params: { id: string } }
        bodies.set(params.id, delivery.record.body)
        await source.settle([accepted(delivery, params.id)])
      }
  })()
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  for (let start = 0; start < 1_000; start += 50) {
    const ids = Array.from({ length: 50 }, (_, index) => String(start + index))
    assert.deepEqual(await Promise.all(ids.map(async id => (await post(bytes, id)).text())), ids)
  }
  assert.equal(bodies.size, 1_000)
  for (const body of bodies.values()) assert.deepEqual(new Uint8Array(body ?? []), bytes)
  stopping.abort()
  await answering
})
