/** A watched folder of one test, and readers of it. */
import assert from 'node:assert/strict'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type FileChange, type FilesOptions, files } from '../../../connectors/files/channel.ts'
import { filesConnector } from '../../../connectors/files/connector.ts'
import { systemClock } from '../../../core/clock.ts'
import { channelBook } from '../../../core/config/channel-book.ts'
import type { ChannelRef, Connection, Delivery, ReadOptions, Source } from '../../../core/contract.ts'
import { type Log, silentLog } from '../../../core/log.ts'
import type { SourceHarness } from '../../../core/testing/contract/harness.ts'
import { request } from '../../../core/testing/contract/reading.ts'
import { type Child, startNode } from '../../support/child.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'

export interface OpenedFolder {
  /** The folder that is watched. */
  readonly inbox: string
  readonly channel: ChannelRef
  connect(log?: Log): Promise<Connection>
  open(read?: Partial<ReadOptions>, log?: Log): Promise<Source>
  /** Writes beside it and renames, so that the file is complete when it comes. */
  put(path: string, content?: string): Promise<void>
  reader(claims: number): Child
  readonly raw: DatabaseSync
}

export const openFolder = async (context: TestContext, options: Partial<FilesOptions> = {}): Promise<OpenedFolder> => {
  const folder = await temporaryFolder(context)
  const [inbox, stateDir, beside] = [join(folder, 'inbox'), join(folder, 'state'), join(folder, 'beside')]
  await mkdir(inbox)
  const channel = complete(files('inbox', { folder: inbox, stable: '0s', ...options }))
  const opened: Connection[] = []
  const connect = async (log: Log = silentLog): Promise<Connection> => {
    const context = { clock: systemClock, log, random: () => 0.5, stateDir, folder }
    const connection = await filesConnector.connect('files', {}, context)
    opened.push(connection)
    return connection
  }
  await (await connect()).close()
  const raw = new DatabaseSync(join(stateDir, 'millrace.db'), { timeout: 5_000 })
  context.after(async () => {
    raw.close()
    for (const connection of opened) await connection.close()
  })
  return {
    inbox,
    channel,
    raw,
    connect,
    async open(read = {}, log) {
      const connection = await connect(log)
      return connection.openSource(channel, { group: 'test', start: 'earliest', maxInFlight: 1_000, ...read })
    },
    async put(path, content = path) {
      await mkdir(dirname(join(inbox, path)), { recursive: true })
      await writeFile(beside, content)
      await rename(beside, join(inbox, path))
    },
    reader: claims => startNode(context, [READER, stateDir, JSON.stringify(channel.options), String(claims)]),
  }
}

const READER = fileURLToPath(new URL('./reader-main.ts', import.meta.url))

/** The channel as an app has it: every option checked and there. Throws where there is a problem. */
export const complete = (channel: ReturnType<typeof files>): ChannelRef => {
  const problems: { readonly path: string; readonly message: string }[] = []
  const entered = channelBook(problems).enter(channel, 'source')
  if (!entered) throw new Error(problems.map(({ path, message }) => `${path} ${message}`).join('\n'))
  return entered
}

export const changeOf = ({ record }: Delivery): FileChange => JSON.parse(String(Buffer.from(record.body ?? [])))

/** `created a/b.txt` of each. */
export const told = (deliveries: readonly Delivery[]): readonly string[] =>
  deliveries.map(changeOf).map(({ event, path }) => `${event} ${path}`)

/** Polls until there are so many. */
export const takeChanges = async (source: Source, count: number): Promise<readonly Delivery[]> => {
  const taken: Delivery[] = []
  await until(`there are ${count} changes; there are ${told(taken)}`, async () => {
    taken.push(...(await source.poll(request({ max: count - taken.length, waitMs: 500 }))))
    return taken.length >= count
  })
  return taken
}

/**
 * For the contract of sources: publishing is writing files that are named in order, and what comes is given the content of
 * its file as body.
 */
export const filesHarness = async (context: TestContext): Promise<SourceHarness> => {
  const opened = await openFolder(context)
  const originals = new WeakMap<Delivery, Delivery>()
  let published = 0
  const count = (sql: string): number => (opened.raw.prepare(sql).get() as { count: number }).count
  const found = (): number => count('SELECT count(*) AS count FROM files_index')
  const withContent = async (delivery: Delivery): Promise<Delivery> => {
    const shown = { ...delivery, record: { ...delivery.record, body: await readFile(changeOf(delivery).file) } }
    originals.set(shown, delivery)
    return shown
  }
  return {
    async open(read) {
      const source = await opened.open(read)
      return {
        ...source,
        // Of a file nobody has found yet the source can know nothing.
        async lag() {
          await until('all that was written is found', () => found() === published)
          return (await source.lag?.()) ?? []
        },
        poll: async wanted => Promise.all((await source.poll(wanted)).map(withContent)),
        settle: verdicts =>
          source.settle(verdicts.map(each => ({ ...each, delivery: originals.get(each.delivery) ?? each.delivery }))),
      }
    },
    async publish(bodies) {
      for (const body of bodies) {
        published += 1
        await opened.put(String(published).padStart(6, '0'), body)
      }
    },
    send: async () => assert.fail('nothing can be sent to a folder'),
    async backlog() {
      // What was written and not found yet is not settled either.
      return count('SELECT count(*) AS count FROM files_changes') + published - found()
    },
    async crash(claims) {
      const child = opened.reader(claims)
      await child.line(/^holds/)
      child.kill('SIGKILL')
      await child.ended
    },
  }
}
