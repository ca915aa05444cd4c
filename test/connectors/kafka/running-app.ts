/** A whole app that reads a test's topic, inside this process, and ends with the test. */
import type { TestContext } from 'node:test'
import { type App, createApp, defineConfig, type Log, type MappingConfig, onRecord } from 'millrace'
import { kafka } from 'millrace/kafka'
import { temporaryFolder } from '../../support/folder.ts'
import type { OpenedTopic } from './opened.ts'

export const APP_GROUP = 'app'

export interface Tried {
  readonly key: string
  readonly body: string
  readonly attempt: number
  readonly partition: number
  readonly offset: number
  readonly signal: AbortSignal
}

export interface AppPlan {
  /** Throwing fails the record. */
  readonly work: (tried: Tried) => Promise<void> | void
  readonly mapping?: Omit<MappingConfig, 'source' | 'function'>
  readonly connection?: Omit<Parameters<typeof kafka>[1], 'brokers'>
  readonly topic?: Parameters<ReturnType<typeof kafka>['topic']>[1]
  readonly log?: Log
}

export interface RunningApp {
  readonly app: App
  /** Each try, in the order in which they began. */
  readonly tried: readonly Tried[]
}

/** Started apps of one test share a group and have a state folder each, as processes on several machines do. */
export const runApp = async (context: TestContext, opened: OpenedTopic, plan: AppPlan): Promise<RunningApp> => {
  const quick = { sessionTimeout: '6s', rebalanceTimeout: '10s', rebalanceDrain: '5s' } as const
  const shop = kafka('shop', { ...quick, ...plan.connection, brokers: opened.brokers })
  const channel = shop.topic<string>(opened.topic, { ...plan.topic, codec: 'text' } as never)
  const tried: Tried[] = []
  const handler = onRecord(channel, async ({ data, key, attempt, position }, { signal }) => {
    const { partition, offset } = position ?? {}
    const now: Tried = {
      key: String(key),
      body: String(data),
      attempt,
      partition: Number(partition),
      offset: Number(offset),
      signal,
    }
    tried.push(now)
    await plan.work(now)
  })
  const app = createApp(
    defineConfig({
      name: 'app',
      stateDir: await temporaryFolder(context),
      mappings: { work: { ...plan.mapping, source: channel.read({ group: APP_GROUP }), function: handler } },
    }),
    plan.log ? { log: plan.log } : {},
  )
  context.after(() => app.stop())
  await app.start()
  return { app, tried }
}

export const statusOf = ({ app }: RunningApp) => {
  const [status] = app.status().mappings
  if (!status) throw new Error('the app has no mapping')
  return status
}
