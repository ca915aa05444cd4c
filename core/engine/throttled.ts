/** What a direct caller is told for whom there is no environment now. */
import type { FunctionSpec, Throttled } from './contract.ts'

/** Nobody knows when an environment becomes free: long enough to be no hot loop, short enough for a person. */
export const BUSY_RETRY_MS = 1_000

export const throttled = (
  spec: Pick<FunctionSpec, 'name' | 'maxEnvironments' | 'rampUp'>,
  reason: Throttled['throttled'],
  now: { readonly app: number; readonly waitMs: number },
): Throttled => {
  const told: Readonly<Record<Throttled['throttled'], string>> = {
    function: `all its ${spec.maxEnvironments} environments are busy (maxEnvironments)`,
    app: `the app runs ${now.app} environments already, which is all it may (maxEnvironments of the app); reserved keeps some for a function`,
    ramp: `${spec.rampUp} environments were started within 10 seconds (rampUp)`,
    closed: 'the app is stopping',
  }
  return {
    throttled: reason,
    message: `functions.${spec.name}: ${told[reason]}; come again later`,
    retryAfterMs: reason === 'ramp' ? Math.max(1, now.waitMs) : BUSY_RETRY_MS,
  }
}
