import assert from 'node:assert/strict'
import { test } from 'node:test'
import { frameReader } from '../../../../core/engine/process/frames.ts'
import { createSendWindow, maxFrameBytes } from '../../../../core/engine/process/said.ts'
import { MESSAGE } from '../../../../core/engine/wire/message.ts'
import { until } from '../../../support/until.ts'
import { harness, outcomeAs } from '../harness.ts'

const head = (bytes: number, kind: number): Buffer => {
  const written = Buffer.alloc(5)
  written.writeUInt32LE(bytes, 0)
  written[4] = kind
  return written
}

test('a frame that is too large for its kind is refused by its first five bytes, however they come', () => {
  const feed = (bytes: number, kind: number, size: number): void => {
    const read = frameReader(maxFrameBytes, 'lasting', () => {})
    const written = head(bytes, kind)
    for (let at = 0; at < written.length; at += size) read(written.subarray(at, at + size))
  }
  for (const size of [1, 2, 5]) {
    assert.throws(() => feed(2 ** 25 + 1, MESSAGE.answered, size), /frame of kind 18 with 33554433 bytes/)
    assert.throws(() => feed(2 ** 20 + 1, MESSAGE.log, size), RangeError)
    assert.throws(() => feed(2 ** 20 + 1, 99, size), RangeError)
    assert.throws(() => feed(2 ** 28 + 1, MESSAGE.send, size), RangeError)
    feed(2 ** 25, MESSAGE.answered, size)
  }
})

test('what asks for too many sends at once is not listened to until some of them are done', () => {
  const calls: string[] = []
  const window = createSendWindow({ pause: () => calls.push('pause'), resume: () => calls.push('resume') })
  const send = (id: number, bytes: number) =>
    window.asked({ kind: MESSAGE.send, id, header: '', body: Buffer.alloc(bytes) })
  for (let id = 1; id < 1_000; id += 1) send(id, 1)
  assert.deepEqual(calls, [])
  send(1_000, 1)
  assert.deepEqual(calls, ['pause'])
  window.settled(7)
  window.settled(7)
  assert.deepEqual(calls, ['pause', 'resume'])
  send(2_000, 2 ** 26)
  assert.deepEqual(calls, ['pause', 'resume', 'pause'])
  window.settled(2_000)
  assert.deepEqual(calls, ['pause', 'resume', 'pause', 'resume'])
})

test('a function that sends without waiting has a thousand sends in the host at most, and all of them in the end', async context => {
  let most = 0
  const waiting: (() => void)[] = []
  const { run } = await harness(
    context,
    {
      f: {
        source: `const channel = { address: 'local/q', type: 'queue', name: 'q', options: {}, codec: 'bytes', connection: { kind: 'embedded', name: 'local', options: {} } }
          export const handler = async (_, context) =>
            (await Promise.all(Array.from({ length: 3_000 }, () => context.send(channel, [{ data: new Uint8Array(100) }])))).length`,
      },
    },
    {
      host: {
        send: () =>
          new Promise<void>(resolve => {
            waiting.push(resolve)
            most = Math.max(most, waiting.length)
          }),
      },
    },
  )
  const running = run('f')
  await until('the host listens no more', () => waiting.length >= 1_000)
  const answered = running.then(() => true)
  await until('all were sent', () => {
    for (const done of waiting.splice(0)) done()
    return Promise.race([answered, new Promise<undefined>(resolve => setImmediate(resolve, undefined))])
  })
  assert.equal(outcomeAs(await running, 'answered').value, 3_000)
  // What had been read in one piece with the last of them is in the host as well.
  assert.ok(most < 1_500, `${most} sends were in the host`)
})

test('of a line of context.log with 100 MB of fields the host gets the beginning', async context => {
  const { run, fields } = await harness(context, {
    f: {
      memoryMb: 1_024,
      source: "export const handler = (_, context) => { context.log.info('y'.repeat(1e6), { big: 'x'.repeat(1e8) }) }",
    },
  })
  const { logs } = await run('f')
  assert.ok(logs[0]?.startsWith('yyy') && logs[0].length < 5_000)
  assert.match(String(fields.at(-1)?.fieldsLeftOut), /^\d+ characters$/)
})

test('answers to requests that do not run, and a second answer, change nothing', async context => {
  const { run } = await harness(context, {
    f: {
      source: `import { writeSync } from 'node:fs'
        const frame = (id, text) => {
          const body = Buffer.from(text)
          const bytes = Buffer.alloc(13 + body.length)
          bytes.writeUInt32LE(9 + body.length, 0)
          bytes[4] = ${MESSAGE.answered}
          bytes.writeUInt32LE(id, 5)
          body.copy(bytes, 13)
          writeSync(3, bytes)
        }
        export const handler = ([record]) => {
          frame(999, '"other"')
          if (record.data.twice) setTimeout(() => { frame(1, '"again"'); frame(2, '"early"') }, 20)
          return record.data.answer
        }`,
    },
  })
  assert.equal(outcomeAs(await run('f', ['{"answer":"first","twice":true}']), 'answered').value, 'first')
  await new Promise(resolve => setTimeout(resolve, 60))
  assert.equal(outcomeAs(await run('f', ['{"answer":"second"}']), 'answered').value, 'second')
})
