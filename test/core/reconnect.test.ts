import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '../../core/errors.ts'
import { logTo, silentLog } from '../../core/log.ts'
import { untilReachable } from '../../core/reconnect.ts'

const quiet = { what: 'connecting to shop', log: silentLog, signal: new AbortController().signal }

test('what fails is tried again, and the first failure and the recovery are told', async () => {
  const told: string[] = []
  const log = logTo((level, message) => told.push(`${level}: ${message.replace(/\d+ ms/, 'some ms')}`))
  const value = await untilReachable({ ...quiet, log }, async number => {
    if (number === 1) throw new TypeError('Invalid URL')
    return number
  })
  assert.equal(value, 2)
  assert.deepEqual(told, [
    'warn: connecting to shop failed, and is tried again in some ms',
    'info: connecting to shop succeeded after 1 failed tries',
  ])
})

test('a fatal error ends it at once, and no other try is announced', async () => {
  let tries = 0
  const told: string[] = []
  const log = logTo((_, message) => told.push(message))
  const fatal = new MillraceError('SOURCE_FATAL', 'wrong password', { fatal: true })
  await assert.rejects(
    untilReachable({ ...quiet, log }, async () => {
      tries += 1
      throw fatal
    }),
    fatal,
  )
  assert.equal(tries, 1)
  assert.deepEqual(told, [])
})

test('after its time it rejects with the last error, as one of ours', async () => {
  await assert.rejects(
    untilReachable({ ...quiet, withinMs: 0 }, async () => {
      throw new Error('refused')
    }),
    { code: 'SOURCE_FAILED', message: 'connecting to shop: refused' },
  )
})

test('an abort ends the waiting', async () => {
  const abort = new AbortController()
  const reason = new Error('stopping')
  const tried = Promise.withResolvers<void>()
  const reaching = untilReachable({ ...quiet, signal: abort.signal }, async () => {
    tried.resolve()
    throw new Error('refused')
  })
  await tried.promise
  abort.abort(reason)
  await assert.rejects(reaching, reason)
})
