/** One seed: its scenario, and then a replay of the dead letters it left, to a function that was mended for most of them. */
import type { DeadLetter } from '../../core/contract.ts'
import { withoutSay } from './filters.ts'
import type { Plant } from './process.ts'
import { createRandom } from './random.ts'
import { type RunResult, runScenario } from './run.ts'
import { drawScenario, type Nature, type Planned, type Scenario } from './scenario.ts'

export const simulate = async (seed: number, plant?: Plant): Promise<RunResult> => {
  const scenario = drawScenario(seed)
  const live = await runScenario(scenario, plant ? { plant } : {})
  if (live.violations.length > 0 || live.letters.size === 0) return live
  const replay = await runScenario(replayOf(scenario, live.letters), {
    letters: live.letters,
    ...(plant ? { plant } : {}),
  })
  return {
    violations: replay.violations.map(violation => `in the replay ${violation}`),
    traceHash: `${live.traceHash}-${replay.traceHash}`,
    lines: [...live.lines, 'the replay:', ...replay.lines],
    letters: replay.letters,
    invocations: live.invocations + replay.invocations,
  }
}

/** As core/mappings.ts makes a replay: keys keep their order, nothing stops; the records are as they were parked. */
const replayOf = (scenario: Scenario, letters: ReadonlyMap<string, DeadLetter>): Scenario => ({
  ...scenario,
  reads: 'replays',
  source: 'queue',
  // What is parked again is asked for no more, in the same transaction.
  store: 'joint',
  deferStepsMs: 'any',
  policy: {
    ...scenario.policy,
    order: scenario.policy.order === 'none' ? 'none' : 'key',
    onDeadLetter: 'continue',
  },
  records: scenario.records
    .filter(({ id }) => letters.has(id))
    .map((planned, place) => ({ ...planned, lane: 'replay', place, atMs: 0, nature: mended(scenario, planned) }))
    .map(withoutSay(scenario)),
})

/** What ends the process still does in half of the runs: those that are replayed with it must not suffer for that. */
const mended = ({ seed }: Scenario, { nature }: Planned): Nature =>
  nature.kind === 'kills' && createRandom(seed ^ 0x71e3).chance(0.5) ? nature : { kind: 'fine' }

/** What to print when a seed fails. */
export const failureText = (seed: number, { violations, lines }: RunResult): string =>
  [
    `seed ${seed} found ${violations.length} violation(s):`,
    ...violations.map(violation => `  ${violation}`),
    `run it alone, with its trace: node test/simulation/main.ts --seed ${seed} --trace (${lines.length} lines)`,
  ].join('\n')
