/** Verdicts on what this process holds of a stream, under the name by which it was taken. */
import type { Settlement, Unsettled } from '../../core/contract.ts'
import { answeredWith, redisError } from './failure.ts'
import type { Membership } from './reader.ts'
import { compareIds } from './stream-group.ts'
import { CLAIM, type Claim, type Claimed, type Holding, loseUnheld, makeAnew, warnOfGone } from './stream-holding.ts'
import { SETTLE } from './stream-scripts.ts'

/** As {@link Source.settle}. */
export const settle = async (holding: Holding, settlements: readonly Settlement[]): Promise<readonly Unsettled[]> => {
  const { stream, reader } = holding.tools
  const membership = reader.current()
  const open = settlements.flatMap(settlement => {
    const claim = (settlement.delivery as Partial<Claimed>)[CLAIM]
    // One that was given back and has been claimed anew is settled, though the answer that said so was lost.
    return claim && claim.membership === membership && holding.held.get(claim.id) === claim
      ? [{ settlement, claim }]
      : []
  })
  if (!membership || open.length === 0) return []
  for (const { settlement, claim } of open) if (isDone(settlement)) claim.verdict = 'done'
  const followers = followersOf(holding, open)
  const done = open.filter(({ claim }) => claim.verdict === 'done').map(({ claim }) => claim.id)
  const back = [
    ...open.flatMap(({ settlement, claim }) => backOf(settlement, claim)),
    ...followers.flatMap(claim => [claim.id, claim.attempts, 0, claim.firstSeen]),
  ]
  if (back.length > 0) holding.due = 'perhaps'
  try {
    await runSettle(holding, membership, [done.length, ...done, ...back])
  } catch (thrown) {
    if (answeredWith(thrown, 'NOGROUP')) await makeAnew(holding).catch(() => undefined)
    const error = redisError('SETTLE_FAILED', `settling records of ${stream.address}`, thrown)
    return open.map(({ settlement: { delivery } }) => ({ delivery, error }))
  }
  if (reader.current() !== membership) return []
  for (const { claim } of open) claim.verdict = 'taken'
  for (const claim of [...open.map(each => each.claim), ...followers]) {
    // What was given back may have been claimed anew while the answer was on its way.
    if (holding.held.get(claim.id) === claim) holding.held.delete(claim.id)
  }
  if (followers.length > 0) loseUnheld(holding)
  return []
}

/** Whether the record is not to come again. */
export const isDone = ({ outcome }: Settlement): boolean => outcome === 'accepted' || outcome === 'rejected'

interface OpenVerdict {
  readonly settlement: Settlement
  readonly claim: Claim
}

const backOf = (settlement: Settlement, { id, firstSeen }: Claim): readonly (string | number)[] =>
  'attempts' in settlement
    ? [id, settlement.attempts, settlement.outcome === 'deferred' ? Math.round(settlement.delayMs) : 0, firstSeen]
    : []

/** In an ordered stream: all that is claimed behind the first that goes back, and has no verdict of its own, told or not. */
const followersOf = ({ tools, held }: Holding, open: readonly OpenVerdict[]): readonly Claim[] => {
  const back = open.map(({ claim }) => claim).filter(({ verdict }) => verdict === 'none')
  if (tools.order === 'none' || back.length === 0) return []
  const first = back.reduce((one, other) => (compareIds(one.id, other.id) <= 0 ? one : other))
  return [...held.values()].filter(
    claim => claim.verdict === 'none' && !back.includes(claim) && compareIds(claim.id, first.id) > 0,
  )
}

/** Rejects when Redis cannot be asked; whether the verdicts were taken is not known then. */
export const runSettle = async (
  holding: Holding,
  membership: Membership,
  verdicts: readonly (string | number)[],
): Promise<void> => {
  const { part, place, afterSettling, reader } = holding.tools
  const { stream, waiting, notes, readers } = part.keys
  const gone = (await place.commands.run(
    SETTLE,
    [stream, waiting, notes, readers],
    [part.group, membership.id, afterSettling, ...verdicts],
  )) as number
  if (gone >= 0) warnOfGone(holding, gone)
  else reader.expelled(membership)
}
