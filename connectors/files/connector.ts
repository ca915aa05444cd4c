/** Watched folders, whose index and changes are rows in the database of the app's state folder. */
import { realpath } from 'node:fs/promises'
import { isAbsolute, join, relative } from 'node:path'
import type { Values } from '../../core/config/option.ts'
import type { ChannelRef, Connector, Context, ReadOptions, Source } from '../../core/contract.ts'
import { openDatabase } from '../../core/database.ts'
import { errorInfo, MillraceError } from '../../core/errors.ts'
import { filesOptions } from './channel.ts'
import type { Destinations } from './moves.ts'
import { openSource } from './source.ts'
import { migrateTables } from './tables.ts'
import { createWanted } from './wanted.ts'

export const filesConnector: Connector = {
  kind: 'files',
  async connect(_name, _options, context) {
    const database = openDatabase(context.stateDir)
    migrateTables(database)
    const sources = new Set<Source>()
    let closing: Promise<void> | undefined
    const close = async (): Promise<void> => {
      for (const source of sources) await source.close()
      await database.close()
    }
    return {
      async openSource(channel, read: ReadOptions) {
        const { stable, lookEvery, hashUpTo, events, ...settings } = settingsOf(channel)
        const { root, destinations } = await placesOf(context, channel, settings)
        const apart = [destinations.done, destinations.failed].flatMap(folder => below(root, folder))
        const source = await openSource(
          { ...context, database },
          {
            channel,
            read,
            events,
            destinations,
            root: Buffer.from(root),
            wanted: createWanted(settings, apart),
            stableMs: stable,
            lookEveryMs: lookEvery,
            hashUpTo,
          },
        )
        const own = { ...source, close: () => source.close().then(() => void sources.delete(own)) }
        sources.add(own)
        return own
      },
      async openSink({ address }) {
        throw new MillraceError(
          'SEND_INVALID',
          `${address} is a folder that is watched, to which nothing can be sent; write a file into it`,
          { fatal: true },
        )
      },
      check: async () => [{ name: 'files', ok: true, detail: `changes are rows of ${database.path}` }],
      close() {
        closing ??= close()
        return closing
      },
    }
  },
}

type Settings = Values<typeof filesOptions.channels.folder>

/** Validation has checked and completed them; a channel of a test or a tool may name only what differs. */
const settingsOf = ({ options }: ChannelRef): Settings =>
  Object.fromEntries(
    Object.entries(filesOptions.channels.folder).map(([name, spec]) => [name, options[name] ?? spec.default]),
  ) as Settings

interface Places {
  /** Where the folder really is. */
  readonly root: string
  readonly destinations: Destinations
}

/** Rejects where the folder is not there, so that it is waited for. */
const placesOf = async (
  { folder: configured = process.cwd() }: Context,
  { address }: ChannelRef,
  { folder, doneTo, failedTo }: Pick<Settings, 'folder' | 'doneTo' | 'failedTo'>,
): Promise<Places> => {
  const absolute = (path: string): string => (isAbsolute(path) ? path : join(configured, path))
  const root = await realpath(absolute(folder)).catch(error => {
    throw new MillraceError(
      'SOURCE_FAILED',
      `${address}: the folder ${absolute(folder)} cannot be watched (${errorInfo(error).code}); make it, it is waited for`,
      { cause: error },
    )
  })
  // A folder below the watched one is the same by whichever name that has.
  const moved = (path: string): string => {
    const inside = relative(absolute(folder), absolute(path))
    return inside.startsWith('..') || isAbsolute(inside) ? absolute(path) : join(root, inside)
  }
  return {
    root,
    destinations: {
      done: doneTo === undefined ? undefined : moved(doneTo),
      failed: failedTo === undefined ? undefined : moved(failedTo),
    },
  }
}

const below = (root: string, folder: string | undefined): readonly Buffer[] => {
  const inside = folder === undefined ? '' : relative(root, folder)
  return inside === '' || inside.startsWith('..') ? [] : [Buffer.from(inside)]
}
