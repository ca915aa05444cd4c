/** The readers of a group: leases in Redis, and with each beat a look at what nobody holds any more. */
import { errorInfo } from '../../core/errors.ts'
import type { Leases, LeaseTable } from './reader.ts'
import { adoptOrphans, type StreamPart } from './stream-group.ts'
import { BEAT, JOIN, LOOK, RETIRE } from './stream-scripts.ts'
import { knownRemoved, type Position, removedUnread, settledIdOf, standingOf } from './stream-standing.ts'

export interface StreamLeaseOptions {
  readonly leaseMs: number
  /** Whether one reader of the group is to be alone. */
  readonly sharing: 'shared' | 'alone'
  /** Kept up to date by every beat. */
  readonly position: Position
  /** Records of others came back. */
  readonly onReturned: () => void
}

export const streamLeases = (
  part: StreamPart,
  { leaseMs, sharing, position, onReturned }: StreamLeaseOptions,
): Leases => {
  const { commands, keys, group, log, address } = part
  let known = 0
  const lookAround = async (table: LeaseTable): Promise<void> => {
    const readers = new Set(table.filter((_, at) => at % 2 === 1))
    if ((await adoptOrphans(part, readers, leaseMs)) > 0) onReturned()
    const standing = await standingOf(part)
    if (!standing) return
    position.settledId = await settledIdOf(part, standing)
    const removed = removedUnread(standing, known)
    known = knownRemoved(standing, known)
    if (removed === 0) return
    log.warn(
      `${address}: ${removed} entries were removed from the stream before group ${group} came to them and are lost; ` +
        'let producers trim less, or read faster',
    )
  }
  return {
    async join(id) {
      const joined = await commands.run(JOIN, [keys.readers], [id, leaseMs, sharing])
      if (Number(joined) === 1) return 'joined'
      return ((await commands.run(LOOK, [keys.readers], [])) as readonly Buffer[]).map(String)
    },
    async beat(id) {
      const answer = await commands.run(BEAT, [keys.stream, keys.readers], [group, id, leaseMs])
      if (answer === null) return undefined
      const table = (answer as readonly Buffer[]).map(String)
      await lookAround(table).catch(error =>
        log.debug(`${address}: could not look for what nobody holds`, { error: errorInfo(error) }),
      )
      return table
    },
    retire: async (id, how) =>
      Number(await commands.run(RETIRE, [keys.stream, keys.waiting, keys.notes, keys.readers], [group, id, how, 0])),
  }
}
