import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFrames } from '../../../connectors/kafka/frames.ts'
import { createRandom } from '../../simulation/random.ts'

const frameOf = (body: string): Buffer => {
  const frame = Buffer.alloc(4 + Buffer.byteLength(body))
  frame.writeInt32BE(Buffer.byteLength(body))
  frame.write(body, 4)
  return frame
}

const BODIES = ['one', '', 'a longer one', 'x'.repeat(1_000), '', 'last']

test('frames come whole and in their order, however their bytes come', () => {
  const all = Buffer.concat(BODIES.map(frameOf))
  for (let seed = 0; seed < 200; seed += 1) {
    const random = createRandom(seed)
    const frames = createFrames()
    const found: string[] = []
    for (let at = 0; at < all.length; ) {
      const size = random.int(1, seed % 2 === 0 ? 5 : 700)
      for (const frame of frames.push(all.subarray(at, at + size))) found.push(frame.subarray(4).toString())
      at += size
    }
    assert.deepEqual(found, BODIES)
  }
})

test('bytes that are all of one frame are passed on as they are', () => {
  const frame = frameOf('whole')
  assert.equal(createFrames().push(frame)[0]?.buffer, frame.buffer)
})

test('a length below zero is no answer of a broker', () => {
  assert.throws(() => createFrames().push(Buffer.from('ffffffff00', 'hex')), /does not speak Kafka's protocol/)
})
