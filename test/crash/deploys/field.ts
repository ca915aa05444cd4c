/** A topic of jobs, the processes of an app that does them, and what these wrote down. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type OpenedTopic, openTopic } from '../../connectors/kafka/opened.ts'
import { type Child, startNode } from '../../support/child.ts'
import { temporaryFolder } from '../../support/folder.ts'

/** The group of the app, as its configuration makes it. */
export const GROUP = 'deploys.jobs'
export const LONG = { timeoutMs: 60_000 }

export interface Field {
  readonly opened: OpenedTopic
  /** `job attempt`, in the order in which they began. */
  done(): readonly string[]
  /** Lets the job `held` end, wherever it runs. */
  letGo(): void
  /** With a state folder of its own unless one is given. */
  start(stateDir?: string): Promise<Child>
}

export interface FieldOptions {
  readonly order: 'lane' | 'key'
  readonly backoff: string
}

export const openField = async (
  context: TestContext,
  brokers: string,
  { order, backoff }: FieldOptions = { order: 'lane', backoff: '10m' },
): Promise<Field> => {
  const opened = await openTopic(context, brokers)
  const folder = await temporaryFolder(context)
  const [file, go] = [join(folder, 'done'), join(folder, 'go')]
  return {
    opened,
    done: () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []),
    letGo: () => writeFileSync(go, ''),
    async start(stateDir) {
      const env = {
        ...process.env,
        DEPLOYS_BROKERS: brokers,
        DEPLOYS_TOPIC: opened.topic,
        DEPLOYS_STATE: stateDir ?? (await temporaryFolder(context)),
        DEPLOYS_DONE: file,
        DEPLOYS_GO: go,
        DEPLOYS_ORDER: order,
        DEPLOYS_BACKOFF: backoff,
      }
      const config = 'test/crash/deploys/millrace.config.ts'
      return startNode(context, ['core/cli/main.ts', 'start', '--plain', '--config', config], { env })
    },
  }
}

export const message = (job: string, key = 'k') => ({ key, value: JSON.stringify({ job }) })

/** As a deploy does it; an app that drained says so by its exit code. */
export const stop = async (app: Child): Promise<void> => {
  app.kill('SIGTERM')
  assert.deepEqual(await app.ended, { code: 0, signal: null })
}
