import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Broker, BrokerKind, Scope } from './broker.ts'
import { type Guardian, openGuardian } from './guardian.ts'
import { type Program, type Running, startProgram } from './program.ts'

export interface BrokerPlan {
  readonly kind: BrokerKind
  readonly version: string
  readonly url: string
  /** What runs, in the order of starting; the last is the broker, those before it are its helpers. */
  readonly programs: readonly [...helpers: Program[], broker: Program]
}

/** Starts a broker that ends with its scope, and with this process however that ends. `plan` may write to its folder. */
export const runBroker = async (scope: Scope, plan: (folder: string) => Promise<BrokerPlan>): Promise<Broker> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-broker-'))
  const guardian = openGuardian(folder)
  const stop = once(async () => {
    for (const running of processes.toReversed()) await end(running, 'SIGKILL')
    guardian.watch([])
    await guardian.close()
  })
  const processes: Running[] = []
  scope.after(stop)
  const { kind, version, url, programs } = await plan(folder)
  const startMissing = starter(programs, folder, guardian, processes)
  await startMissing()
  const broker = (): Running => processes[programs.length - 1] as Running
  return {
    kind,
    version,
    url,
    folder,
    pids: () => alive(processes),
    kill: signal => end(broker(), signal),
    pause: () => broker().signal('SIGSTOP'),
    continue: () => broker().signal('SIGCONT'),
    async restart(how) {
      await end(broker(), how === 'clean' ? 'SIGTERM' : 'SIGKILL')
      await startMissing()
    },
    stop,
  }
}

/** Starts those of `programs` that do not run, one after the other, and keeps `processes` up to date. */
const starter = (programs: readonly Program[], folder: string, guardian: Guardian, processes: Running[]) => {
  let runs = 0
  return async (): Promise<void> => {
    runs += 1
    for (const [index, program] of programs.entries()) {
      if (processes[index]?.hasEnded() === false) continue
      processes[index] = startProgram(program, folder, runs)
      guardian.watch(alive(processes))
      await processes[index].ready()
    }
  }
}

const alive = (processes: readonly Running[]): readonly number[] =>
  processes.filter(running => !running.hasEnded()).map(running => running.pid)

/** A stopped process takes no signal but SIGKILL: it is continued so that an orderly end is one. */
const end = async (running: Running, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
  running.signal(signal)
  running.signal('SIGCONT')
  await running.ended
}

const once = (run: () => Promise<void>): (() => Promise<void>) => {
  let running: Promise<void> | undefined
  return () => {
    running ??= run()
    return running
  }
}
