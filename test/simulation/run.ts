/** Runs a scenario to its end and says what went wrong in it. */
import type { DeadLetter } from '../../core/contract.ts'
import { createBroker } from './broker.ts'
import { checkEnd } from './end.ts'
import type { Fault } from './faults.ts'
import { leftovers, type Parts, type Plant, type Running, startProcess } from './process.ts'
import type { Scenario } from './scenario.ts'
import { createWitness } from './witness.ts'
import { createWorld, settleDown, type World } from './world.ts'

export interface RunOptions {
  readonly plant?: Plant
  /** The records are replays of these letters, by record id. */
  readonly letters?: ReadonlyMap<string, DeadLetter>
}

export interface RunResult {
  readonly violations: readonly string[]
  readonly traceHash: string
  readonly lines: readonly string[]
  readonly letters: ReadonlyMap<string, DeadLetter>
  readonly invocations: number
}

/** After the last fault everything must have ended by then; waits of a run are at most some minutes. */
const DRAIN_MS = 3_600_000
/** How often lanes that stopped behind a dead letter are told to go on. */
const RESUME_MS = 30_000
const RESUME_AGAIN_MS = 1_000

export const runScenario = async (scenario: Scenario, options: RunOptions = {}): Promise<RunResult> => {
  const world = createWorld(scenario)
  const parts = createParts(world, options)
  const stage = createStage(parts)
  schedule(parts, stage, options)
  const faultsEndMs = Math.max(0, ...scenario.faults.map(({ atMs, forMs }) => atMs + forMs))
  const lastAtMs = Math.max(0, ...scenario.records.map(({ atMs }) => atMs))
  const quietMs = Math.max(faultsEndMs, lastAtMs) + 1
  await advance(world, () => world.nowMs() > quietMs && parts.broker.backlog === 0, quietMs + DRAIN_MS)
  if (parts.broker.backlog > 0)
    world.ledger.violate(`${parts.broker.backlog} records have not ended ${DRAIN_MS} ms after the last fault`)
  await stopAll(world, stage)
  checkEnd(parts)
  return {
    violations: world.ledger.violations,
    traceHash: world.ledger.traceHash(),
    lines: world.ledger.lines(),
    letters: parts.store.letters,
    invocations: [...world.ledger.accounts.values()].reduce((sum, { begun }) => sum + begun.length, 0),
  }
}

const createParts = (world: World, { plant = (tools, spec) => ({ tools, spec }), letters }: RunOptions): Parts => {
  const witness = createWitness(world)
  return {
    world,
    broker: createBroker(world),
    witness,
    plant,
    store: {
      letters: new Map(letters),
      attempts: new Map(),
      stopped: new Set(),
      onGoOn: witness.resumed,
      onParked(letter) {
        const account = world.ledger.account(letter.record.id)
        world.ledger.note(`parked ${letter.record.id} ${letter.reason}`)
        account.parkedAs = letter.reason
        witness.parked(account)
      },
    },
  }
}

/** The process that runs, and how it is exchanged. */
interface Stage {
  running(): Running | undefined
  crash(forMs: number): void
  restart(): void
}

const createStage = (parts: Parts): Stage => {
  const { world, broker, witness } = parts
  let current: Running | undefined
  let started = 0
  const start = (): void => {
    started += 1
    current = startProcess(parts, `p${started}`, killed => current === killed && crash(1_000))
  }
  const crash = (forMs: number): void => {
    if (!current) return
    world.ledger.note(`${current.host.name} crashes`)
    current.host.alive = 'no'
    witness.crashed(current.host)
    broker.endHost(current.host)
    current = undefined
    world.clock.after(forMs, start)
  }
  start()
  return {
    running: () => current,
    crash,
    restart() {
      const old = current
      if (!old) return
      void old.mapping.stop().then(() => {
        world.ledger.note(`${old.host.name} has stopped`)
        if (current === old) start()
      })
    },
  }
}

const schedule = ({ world, broker }: Parts, stage: Stage, { letters }: RunOptions): void => {
  for (const planned of world.scenario.records)
    world.clock.after(planned.atMs, () => broker.produce(planned, letters ? `letter of ${planned.id}` : undefined))
  for (const fault of world.scenario.faults) world.clock.after(fault.atMs, () => begin(fault))
  const begin = ({ kind, forMs, atMs }: Fault): void => {
    world.ledger.note(`fault ${kind} for ${forMs} ms`)
    const running = stage.running()
    if (kind === 'crash') stage.crash(forMs)
    if (kind === 'restart') stage.restart()
    if (kind === 'lost lanes') {
      broker.moveAway(atMs + forMs)
      broker.loseAll()
    }
    if (kind === 'pause') {
      void running?.mapping.pause()
      world.clock.after(forMs, () => running && resume(running))
    }
    if (kind === 'quick pause' && running) {
      void running.mapping.pause()
      resume(running)
    }
  }
  /** Until the store takes it, as an operator would. */
  const resume = (running: Running): void => {
    running.mapping.resume().catch(() => {
      world.clock.after(RESUME_AGAIN_MS, () => resume(running))
    })
  }
  const goOn = (): void => {
    const running = stage.running()
    if (running?.mapping.status().state === 'running') resume(running)
    world.clock.after(RESUME_MS, goOn)
  }
  if (world.scenario.policy.onDeadLetter === 'stop') world.clock.after(RESUME_MS, goOn)
}

const stopAll = async (world: World, stage: Stage): Promise<void> => {
  const running = stage.running()
  if (!running) return world.ledger.violate('no process runs at the end')
  let stopped: 'yes' | 'no' = 'no'
  void running.mapping.stop().then(() => {
    stopped = 'yes'
  })
  await advance(world, () => stopped === 'yes', world.nowMs() + DRAIN_MS)
  for (const leftover of leftovers(running)) world.ledger.violate(leftover)
}

/** Moves time from one event to the next until `isOver`, or until `untilMs`, or until nothing would ever happen. */
const advance = async (world: World, isOver: () => boolean, untilMs: number): Promise<void> => {
  for (;;) {
    await settleDown()
    if (isOver()) return
    const at = world.clock.nextAt()
    if (at === undefined || world.nowMs() > untilMs) return
    world.clock.advance(Math.max(0, at - world.clock.monotonic()))
  }
}
