/** What every store of keys has to stand, in processes of their own: a race for one key, and kills at each moment. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { openPlace, type PlaceAddress, type StoreName } from '../../chaos/idempotency/places.ts'
import { runKills } from '../../chaos/idempotency/run.ts'
import { startNode } from '../../support/child.ts'
import { temporaryFolder } from '../../support/folder.ts'

const PROCESSES = 4
const CLAIMS = 250
/** `npm run chaos -- --source idempotency` has 200. */
const REPETITIONS = 1

export const crashCases = (
  stores: readonly StoreName[],
  skip: string | false,
  url: (context: TestContext) => Promise<string>,
): void => {
  for (const store of stores) {
    const addressed = async (context: TestContext): Promise<PlaceAddress> => ({
      store,
      folder: await temporaryFolder(context),
      url: await url(context),
    })
    test(`${store}: of 1,000 claims of one key from ${PROCESSES} processes one runs`, {
      skip,
      timeout: 180_000,
    }, async context => {
      const place = await addressed(context)
      const key = randomUUID()
      const job = JSON.stringify({ place, keys: [key], race: CLAIMS, lease: '30000ms' })
      const racers = Array.from({ length: PROCESSES }, () =>
        startNode(context, ['test/chaos/idempotency/worker-main.ts', job]),
      )
      await Promise.all(racers.map(racer => racer.line(/^ready$/)))
      for (const racer of racers) racer.write('go\n')
      const told = await Promise.all(racers.map(async racer => JSON.parse(await racer.line(/^\{/))))
      const opened = await openPlace(place)
      context.after(() => opened.close())
      assert.equal((await opened.effects()).length, 1)
      const refused = new Set(told.flatMap(each => each.refused))
      assert.deepEqual(
        [...refused].filter(code => code !== 'IDEMPOTENCY_IN_PROGRESS'),
        [],
      )
    })

    test(`${store}: a process killed at any of five moments leaves what the page says`, {
      skip,
      timeout: 180_000,
    }, async context => {
      const report = await runKills(await addressed(context), REPETITIONS)
      assert.deepEqual(report.broken, [])
      assert.equal(report.kills, (store.endsWith('-transaction') ? 5 : 10) * REPETITIONS)
    })
  }
}
