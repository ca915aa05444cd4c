import assert from 'node:assert/strict'
import { test } from 'node:test'
import { watchMemory } from '../../../../core/engine/limits/memory-watch.ts'
import { createVirtualClock } from '../../../../core/testing/virtual-clock.ts'

test('what ran for a while is looked at when it has ended, what was quick is not, and the most counts', () => {
  const clock = createVirtualClock()
  let usedMb = 10
  let looks = 0
  const memory = watchMemory({
    clock,
    limitMb: 100,
    usedMb: () => {
      looks += 1
      return usedMb
    },
    isBusy: () => false,
    over: how => assert.fail(how),
  })
  memory.first()
  memory.first()
  assert.equal(looks, 1)
  usedMb = 30
  clock.advance(5)
  assert.equal(memory.mostMb(5), 10)
  clock.advance(20)
  assert.equal(memory.mostMb(20), 30)
  usedMb = 20
  clock.advance(20)
  assert.equal(memory.mostMb(20), 30)
  assert.equal(looks, 3)
})

test('a look on the side takes the place of the one that was due', () => {
  const clock = createVirtualClock()
  let looks = 0
  const memory = watchMemory({
    clock,
    limitMb: 1_000,
    usedMb: () => {
      looks += 1
      return 1
    },
    isBusy: () => true,
    over: how => assert.fail(how),
  })
  memory.watch()
  clock.advance(60)
  memory.first()
  clock.advance(60)
  assert.equal(looks, 1)
  clock.advance(60)
  assert.equal(looks, 2)
  memory.stop()
})
