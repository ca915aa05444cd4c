/** The app in test/crash/killer as a process of its own, and what can be seen of it from outside. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { type Channel, createApp } from 'millrace'
import { type Child, startNode } from './child.ts'

export const startKiller = (context: TestContext, stateDir: string): Child =>
  startNode(context, ['core/cli/main.ts', 'start', '--plain', '--config', 'test/crash/killer/millrace.config.ts'], {
    env: { ...process.env, KILLER_STATE: stateDir },
  })

export const sendJobs = async (
  stateDir: string,
  channel: Channel<{ readonly job: string }>,
  jobs: readonly string[],
): Promise<void> => {
  const app = createApp({ name: 'sender', stateDir, mappings: {}, channels: [channel] })
  await app.send(
    channel,
    jobs.map((job, index) => ({ id: `job-${index}`, key: 'one lane', data: { job } })),
  )
  await app.stop()
}

export const lettersIn = async (stateDir: string) => {
  const app = createApp({ name: 'reader', stateDir, mappings: {} })
  const letters = await app.deadLetters.list()
  await app.stop()
  return letters
}

/** What the function wrote down, in order. */
export const done = (stateDir: string): readonly string[] => {
  const path = join(stateDir, 'done')
  return existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter(line => line !== '')
    : []
}

/** How many attempts of its one unfinished record are on disk. */
export const rememberedAttempts = (stateDir: string): number => {
  const database = new DatabaseSync(join(stateDir, 'millrace.db'), { readOnly: true, timeout: 1_000 })
  try {
    const row = database.prepare('SELECT json_array_length(attempts) AS attempts FROM remembered_attempts').get()
    return Number(row?.attempts ?? 0)
  } finally {
    database.close()
  }
}
