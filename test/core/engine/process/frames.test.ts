import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeFrame, frameReader, scratch } from '../../../../core/engine/process/frames.ts'
import type { Message } from '../../../../core/engine/wire/message.ts'

const FRAMES = [
  { kind: 1, id: 7, header: '', bodies: [] },
  {
    kind: 255,
    id: 2 ** 32 - 1,
    header: '{"ü":1}',
    bodies: [new Uint8Array([0, 255]), new Uint8Array(), new Uint8Array([9])],
  },
  { kind: 2, id: 0, header: 'x'.repeat(300), bodies: [new Uint8Array(1_000).fill(3)] },
] as const

const written = (allocate?: Parameters<typeof encodeFrame>[4]): Buffer =>
  Buffer.concat(
    FRAMES.flatMap(({ kind, id, header, bodies }) =>
      // A scratch buffer is written again by the next frame: what is kept of it is copied.
      encodeFrame(kind, id, header, bodies, allocate).map(buffer => Buffer.from(buffer)),
    ),
  )

const expected = FRAMES.map(({ kind, id, header, bodies }) => ({ kind, id, header, body: Buffer.concat(bodies) }))

for (const chunks of ['lasting', 'reused'] as const)
  test(`frames come out whole wherever the bytes are cut (${chunks} chunks)`, () => {
    const bytes = written()
    for (let size = 1; size <= bytes.length; size += size < 40 ? 1 : 97) {
      const frames: Message[] = []
      const read = frameReader(
        () => 10_000,
        chunks,
        frame => frames.push(frame),
      )
      for (let at = 0; at < bytes.length; at += size) {
        const chunk = Buffer.from(bytes.subarray(at, at + size))
        read(chunk)
        if (chunks === 'reused') chunk.fill(0)
      }
      assert.deepEqual(
        frames.map(frame => ({ ...frame, body: Buffer.from(frame.body) })),
        expected,
      )
    }
  })

test('memory that is used again writes the same frames', () => {
  assert.deepEqual(written(scratch()), written())
})

test('large bodies are not copied', () => {
  const body = new Uint8Array(2_000_000)
  const buffers = encodeFrame(1, 1, '{}', [body])
  assert.equal(buffers[1], body)
})

test('bytes that are no frames are an error: too short, too long, a header beyond the end', () => {
  const feed = (bytes: readonly number[]): void =>
    frameReader(
      () => 100,
      'lasting',
      () => {},
    )(Buffer.from(bytes))
  assert.throws(() => feed([1, 0, 0, 0, 1]), RangeError)
  assert.throws(() => feed([101, 0, 0, 0, 1]), RangeError)
  assert.throws(() => feed([9, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0]), RangeError)
})
