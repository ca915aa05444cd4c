/** A group whose processes come and go. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { numbered } from '../../../core/testing/contract/reading.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import type { Child } from '../../support/child.ts'
import { until } from '../../support/until.ts'
import { type OpenedStream, openTestStream } from './stream-opened.ts'

const redis = sharedBroker('redis')
const skip = redis.missing

/** Workers of one stream, and what they have noted. */
const openTeam = (stream: OpenedStream) => {
  const done = `${stream.channel.name}-done`
  const processed = () => stream.raw.lrange(done, 0, -1)
  let published = 0
  return {
    processed,
    join: async (): Promise<Child> => {
      const worker = stream.worker(done)
      await worker.line(/works/)
      return worker
    },
    /** More is published, and some of it processed. */
    goOn: async () => {
      const before = new Set(await processed()).size
      const pipeline = stream.raw.pipeline()
      for (let count = 0; count < 400; count += 1, published += 1)
        pipeline.xadd(stream.channel.name, '*', 'body', `r${published}`)
      await pipeline.exec()
      await until('some is processed', async () => new Set(await processed()).size > before + 50)
    },
    finish: async () => {
      await until('all is processed', async () => new Set(await processed()).size === published)
      await until('all is settled', async () => (await stream.backlog()) === 0)
      assert.deepEqual([...new Set(await processed())].toSorted(), numbered(published).toSorted())
    },
  }
}

test('members join, leave, are killed, stopped past their lease and continued: nothing is lost', {
  skip,
  timeout: 60_000,
}, async context => {
  const stream = await openTestStream(context, (await redis.address()).url)
  const { join, goOn, finish } = openTeam(stream)
  const first = await join()
  await goOn()
  const second = await join()
  await goOn()
  first.kill('SIGTERM')
  assert.deepEqual(await first.ended, { code: 0, signal: null })
  const third = await join()
  await goOn()
  second.kill('SIGKILL')
  const fourth = await join()
  await goOn()
  third.kill('SIGSTOP')
  const isOut = async () => (await stream.raw.zcard(stream.keys.readers)) === 1
  await until('it is taken for dead', isOut)
  await goOn()
  third.kill('SIGCONT')
  await until('it is back', async () => (await stream.raw.zcard(stream.keys.readers)) === 2)
  await goOn()
  await finish()
  fourth.kill('SIGTERM')
  await fourth.ended
})

test('of a stream that one reads alone the order holds while members join, leave and are killed', {
  skip,
  timeout: 60_000,
}, async context => {
  const stream = await openTestStream(context, (await redis.address()).url, { exclusive: true })
  const { join, goOn, finish, processed } = openTeam(stream)
  const first = await join()
  const second = await join()
  await goOn()
  first.kill('SIGTERM')
  await first.ended
  await goOn()
  const third = await join()
  second.kill('SIGKILL')
  await goOn()
  third.kill('SIGTERM')
  await third.ended
  await join()
  await finish()
  let latest = -1
  for (const body of await processed()) {
    const number = Number(body.slice(1))
    assert.ok(number <= latest + 1, `${body} came before what comes before it`)
    latest = Math.max(latest, number)
  }
})
