/** Whole apps as the members of one group, the chaos harness's, on a test's topic. */
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type EffectsFile, effectsFile } from '../../chaos/effects-file.ts'
import { bodyOf, keyOf, poisonOf } from '../../chaos/jobs.ts'
import { type Judgement, judge } from '../../chaos/judge.ts'
import { createMembers, type Members } from '../../chaos/members.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'
import type { OpenedTopic } from './opened.ts'

/** As test/chaos/app has it. */
const APPS_GROUP = 'chaos'
const LONG = { timeoutMs: 90_000 }

export interface GroupOfApps {
  readonly members: Members
  readonly effects: EffectsFile
  send(records: number): Promise<void>
  /** Resolves once so many different records were given to the function. */
  processed(count: number): Promise<void>
  /** Resolves once the group has committed the ends of all partitions. */
  nothingLeft(): Promise<void>
  /** Of the first `records`; `duplicateBound` is how many may have been run twice. */
  verdict(records: number, duplicateBound: number): Promise<Judgement>
}

export const openGroupOfApps = async (context: TestContext, opened: OpenedTopic): Promise<GroupOfApps> => {
  const folder = await temporaryFolder(context)
  const effects = effectsFile(join(folder, 'effects'))
  const members = createMembers(folder, {
    CHAOS_SOURCE: 'kafka',
    CHAOS_URL: opened.brokers,
    CHAOS_PLACE: opened.topic,
    CHAOS_EFFECTS: effects.path,
  })
  context.after(async () => {
    for (const name of members.names()) await members.end(name, 'SIGKILL')
  })
  const backlog = async (): Promise<number> => {
    const ends = await opened.admin.fetchTopicOffsets(opened.topic)
    const left = ends.map(async ({ partition, high }) => {
      return Number(high) - Math.max(0, await opened.committed(APPS_GROUP, partition))
    })
    return (await Promise.all(left)).reduce((sum, each) => sum + each, 0)
  }
  return {
    members,
    effects,
    send: records => opened.publish(Array.from({ length: records }, (_, n) => ({ key: keyOf(n), value: bodyOf(n) }))),
    async processed(count) {
      const different = () => effects.lines() >= count && new Set(effects.all().map(({ n }) => n)).size >= count
      await until(`${count} are processed`, different, LONG)
    },
    nothingLeft: async () => void (await until('nothing is left', async () => (await backlog()) === 0, LONG)),
    async verdict(records, duplicateBound) {
      const expected = { records, poison: poisonOf(records), duplicateBound }
      return judge(expected, effects.all(), await members.parked())
    },
  }
}
