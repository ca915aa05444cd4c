/** A list on the real server for one test: our sources on it, and an independent client beside them. */
import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { openList } from '../../../connectors/redis/list.ts'
import { type ListKeys, listKeys } from '../../../connectors/redis/list-scripts.ts'
import { createSink } from '../../../connectors/redis/sink.ts'
import type { ChannelRef, Source } from '../../../core/contract.ts'
import { type Log, silentLog } from '../../../core/log.ts'
import type { SourceHarness } from '../../../core/testing/contract/harness.ts'
import { type Child, startNode } from '../../support/child.ts'
import { type FaultProxy, openProxy } from '../../support/proxy.ts'
import { channelRef, placeOn } from './place.ts'

export interface OpenedList extends SourceHarness {
  readonly channel: ChannelRef
  readonly keys: ListKeys
  /** Independent of our code. */
  readonly raw: Redis
  readonly proxy: FaultProxy
  openWith(options: ChannelRef['options'], log?: Log): Promise<Source>
  reader(mode: 'hold' | 'work', argument: string): Child
}

/** Short, so that a reader that is gone is noticed within a test's patience. */
const LEASE_MS = 1_000

export const openTestList = async (
  context: TestContext,
  url: string,
  options: ChannelRef['options'] = {},
): Promise<OpenedList> => {
  const raw = new Redis(url)
  raw.on('error', () => {})
  const proxy = await openProxy(context, { to: Number(new URL(url).port) })
  const name = `list-${randomUUID()}`
  const own = { claimTimeout: LEASE_MS, ...options }
  const channel = channelRef('list', name, own)
  const keys = listKeys(name)
  const sources: Source[] = []
  context.after(async () => {
    for (const source of sources) await source.close()
    raw.disconnect()
  })
  const openWith = async (changed: ChannelRef['options'], log = silentLog): Promise<Source> => {
    const place = await placeOn(context, { host: '127.0.0.1', port: proxy.port }, log)
    const source = await openList(place, { ...channel, options: { ...own, ...changed } })
    sources.push(source)
    return source
  }
  const reader = (mode: 'hold' | 'work', argument: string): Child =>
    startNode(context, [READER, mode, url, JSON.stringify(channel), argument])
  return {
    channel,
    keys,
    raw,
    proxy,
    openWith,
    reader,
    open: () => openWith({}),
    publish: async bodies => void (await raw.lpush(name, ...bodies)),
    async send(records) {
      const sink = createSink(await placeOn(context, { url }), channel)
      for (const error of await sink.send(records)) if (error) throw error
      await sink.close()
    },
    async backlog() {
      const [list, arrived, records] = [
        await raw.llen(name),
        await raw.llen(keys.arrived),
        await raw.hlen(keys.records),
      ]
      return list + arrived + records
    },
    async crash(claims) {
      const child = reader('hold', String(claims))
      await child.line(/^holds/)
      child.kill('SIGKILL')
      await child.ended
    },
    cut: async () => proxy.reset(),
  }
}

const READER = fileURLToPath(new URL('./reader-main.ts', import.meta.url))
