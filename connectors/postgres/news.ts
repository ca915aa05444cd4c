/** What wakes readers: NOTIFY by the tables' triggers, heard on one session for all outboxes of a connection. */
import type { Cancel, Clock } from '../../core/clock.ts'
import { errorInfo } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Postgres, PostgresSession } from '../../core/postgres.ts'
import { NEWS_CHANNEL } from './table.ts'

export interface News {
  /** `told` is called when rows may have come to this table, and whenever that could have been missed. */
  subscribe(tableOid: string, told: () => void): Cancel
  close(): Promise<void>
}

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000

/** Hears nothing while its session is broken or refused: readers look by themselves every now and then. */
export const createNews = (postgres: Postgres, { clock, log }: { readonly clock: Clock; readonly log: Log }): News => {
  const subscribers = new Set<{ readonly table: string; readonly told: () => void }>()
  let session: PostgresSession | undefined
  let phase: 'silent' | 'listening' | 'closed' = 'silent'
  let pauseMs = FIRST_PAUSE_MS
  let cancel: Cancel = () => {}
  let opening: Promise<void> = Promise.resolve()

  const tellAll = (): void => {
    for (const { told } of subscribers) told()
  }
  const listen = (): void => {
    opening = open()
  }
  const again = (): void => {
    session = undefined
    if (phase === 'closed') return
    cancel = clock.after(pauseMs, listen)
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
  }
  const open = async (): Promise<void> => {
    const ended = Promise.withResolvers<void>()
    try {
      const opened = await postgres.connect(ended.resolve)
      session = opened
      opened.onNotification((_channel, table) => {
        for (const each of subscribers) if (each.table === table) each.told()
      })
      await opened.query(`LISTEN ${NEWS_CHANNEL}`)
      pauseMs = FIRST_PAUSE_MS
      tellAll()
      void ended.promise.then(again)
    } catch (error) {
      log.debug('rows that come are not heard of, only found when it is looked', { error: errorInfo(error) })
      await session?.close().catch(() => {})
      again()
    }
  }
  return {
    subscribe(table, told) {
      const subscriber = { table, told }
      subscribers.add(subscriber)
      if (phase === 'silent') {
        phase = 'listening'
        listen()
      }
      return () => subscribers.delete(subscriber)
    },
    async close() {
      phase = 'closed'
      cancel()
      await opening
      await session?.close()
    },
  }
}
