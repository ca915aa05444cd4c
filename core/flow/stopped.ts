/**
 * Lanes and keys that stopped behind a dead letter (`onDeadLetter: 'stop'`). The store knows them, so that they stay
 * stopped over restarts and whichever process reads them next, and go on when anybody says so or has resolved the letter.
 */
import type { Cancel } from '../clock.ts'
import { MillraceError, wrapError } from '../errors.ts'
import { holdStopped } from './ending.ts'
import type { Flow } from './flow.ts'
import { within } from './within.ts'

/** How soon it is noticed that something may go on. */
const LOOK_MS = 1_000

/** Looks until the answer is called. Of a mapping whose lanes do not stop there is nothing to look at. */
export const watchStopped = (flow: Flow): Cancel => {
  if (flow.spec.policy.onDeadLetter !== 'stop') return () => {}
  const { clock, log } = flow.tools
  let cancelled: 'yes' | 'no' = 'no'
  let cancel = clock.after(LOOK_MS, () => look())
  const look = async (): Promise<void> => {
    // Whoever lets records in says aloud that the store does not answer.
    await refreshStopped(flow).catch(error => log.debug('it is not known what has stopped', { error }))
    if (cancelled === 'no') cancel = clock.after(LOOK_MS, look)
  }
  return () => {
    cancelled = 'yes'
    cancel()
  }
}

/** Takes over what the store knows. Rejects with STATE_UNAVAILABLE when it does not answer. */
export const refreshStopped = async (flow: Flow): Promise<void> => {
  if (flow.spec.policy.onDeadLetter !== 'stop') return
  // One after the other: what an older answer lets go on may have stopped again since.
  const done = flow.stoppedKnown.then(() => takeOver(flow))
  flow.stoppedKnown = done.catch(() => {})
  await done
}

const takeOver = async (flow: Flow): Promise<void> => {
  const { stoppedScopes, tools } = flow
  // What stops while the store is asked may not be in its answer.
  const before = [...stoppedScopes]
  const stopped = await askStore(flow)
  letGoOn(
    flow,
    before.filter(name => !stopped.has(name)),
  )
  const news = [...stopped].filter(name => !stoppedScopes.has(name))
  if (news.length === 0) return
  for (const name of news) stoppedScopes.add(name)
  const scopes = new Set([...flow.waiting.entries()].map(({ scope }) => scope))
  for (const scope of scopes) if (scope.name !== null && news.includes(scope.name)) holdStopped(flow, scope)
  tools.log.warn('lanes or keys stay stopped behind dead letters of before', { count: news.length })
}

const askStore = ({ spec, tools }: Flow): Promise<ReadonlySet<string>> => {
  const { settleTimeoutMs } = spec.policy
  const asked = tools.store.stopped(spec.name, spec.channel)
  return within(
    tools.clock,
    settleTimeoutMs,
    asked,
    () => new MillraceError('STATE_UNAVAILABLE', `the dead letter store has not answered within ${settleTimeoutMs} ms`),
  )
}

/** Everything that stopped goes on. Rejects with STATE_UNAVAILABLE when the store does not take that; then nothing does. */
export const resumeStopped = async (flow: Flow): Promise<void> => {
  const { spec, tools } = flow
  if (spec.policy.onDeadLetter !== 'stop') return
  try {
    await tools.store.goOn(spec.name)
    await refreshStopped(flow)
  } catch (error) {
    throw wrapError('STATE_UNAVAILABLE', `resuming what stopped in ${spec.name}`, error)
  }
}

const letGoOn = (flow: Flow, names: readonly string[]): void => {
  if (names.length === 0) return
  for (const name of names) flow.stoppedScopes.delete(name)
  const now = flow.tools.clock.monotonic()
  for (const scope of [...flow.waiting.blocked()])
    if (scope.name !== null && names.includes(scope.name)) flow.waiting.block(scope, now)
  flow.changed()
}
