import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createApp, defineConfig } from 'millrace'
import { kafka } from 'millrace/kafka'
import { openTopic } from '../../../connectors/kafka/opened.ts'
import { sharedBroker } from '../../../support/brokers/shared.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { buildGo, missingGo, missingPython } from '../../../support/languages.ts'
import { until } from '../../../support/until.ts'

const broker = sharedBroker('kafka')

const EXAMPLE = join(import.meta.dirname, '../../../../examples/any-language/functions')
const OWN = join(import.meta.dirname, 'languages')

const RECORDS = 120
const works = Array.from({ length: RECORDS }, (_, index) => {
  const id = `work-${index}`
  if (index % 40 === 7) return { id, fails: 'always' }
  return index % 10 === 3 ? { id, fails: 'once' } : { id }
})
const idsOf = (fails: string): readonly string[] => works.filter(work => work.fails === fails).map(({ id }) => id)

interface Language {
  readonly missing: string | false
  /** The options of the function, but for its variables. */
  readonly code: (context: TestContext) => Promise<{ file: string; command?: readonly string[] }>
}

const LANGUAGES: Readonly<Record<string, Language>> = {
  Python: { missing: missingPython, code: async () => ({ file: OWN, command: ['python3', 'work.py'] }) },
  Go: {
    missing: missingGo,
    code: async context => ({
      file: await buildGo(context, [join(EXAMPLE, 'label/runtime.go'), join(OWN, 'work.go')]),
    }),
  },
}

for (const [name, { missing, code }] of Object.entries(LANGUAGES))
  test(`a function in ${name} behind Kafka names the records that failed: they come again, alone, or become dead letters`, {
    skip: broker.missing || missing,
    timeout: 240_000,
  }, async context => {
    const { topic, brokers, publish, committed } = await openTopic(context, (await broker.address()).url, {
      partitions: 3,
    })
    const channel = kafka('shop', {
      brokers,
      sessionTimeout: '6s',
      rebalanceTimeout: '10s',
      rebalanceDrain: '5s',
    }).topic(topic)
    const LEDGER = await temporaryFolder(context)
    const done = (): readonly string[] => {
      const path = join(LEDGER, 'done')
      return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : []
    }
    const app = createApp(
      defineConfig({
        name: 'languages',
        stateDir: await temporaryFolder(context),
        functions: {
          work: {
            ...(await code(context)),
            env: { LEDGER, RUNTIME_FOLDER: join(EXAMPLE, 'price') },
            maxEnvironments: 2,
          },
        },
        mappings: {
          work: {
            source: channel.read({ group: 'work' }),
            function: 'work',
            format: 'lambda',
            order: 'none',
            batchSize: 20,
            maxAttempts: 3,
            backoff: { initial: '20ms', max: '100ms' },
          },
        },
      }),
    )
    context.after(() => app.stop())
    await publish(works.map((work, index) => ({ partition: index % 3, value: JSON.stringify(work) })))
    await app.start()
    const expected = works.filter(({ fails }) => fails !== 'always').map(({ id }) => id)
    await until(
      'all is done or a dead letter',
      async () => done().length >= expected.length && (await app.deadLetters.list()).length === idsOf('always').length,
      { timeoutMs: 120_000 },
    )
    await app.stop()
    // Those that were not named are not run again for those that were.
    assert.deepEqual(done().toSorted(), expected.toSorted())
    for (const id of idsOf('once')) assert.ok(existsSync(join(LEDGER, `failed-${id}`)), `${id} failed once`)
    const offsets = await Promise.all([0, 1, 2].map(partition => committed('work', partition)))
    assert.deepEqual(offsets, [RECORDS / 3, RECORDS / 3, RECORDS / 3])
  })
