/** The apps under test: `millrace start` as processes of their own, killed, stopped and started again by name. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createApp } from 'millrace'
import { numberOf } from './jobs.ts'
import type { Parked } from './judge.ts'

export interface Members {
  readonly names: () => readonly string[]
  /** A name that was there before starts with its state. */
  start(name: string): void
  signal(name: string, signal: NodeJS.Signals): void
  /** Ends it and resolves when it has: SIGTERM lets it drain. Rejects when a drained one says it failed. */
  end(name: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
  endAll(): Promise<void>
  /** What all members that ever were have parked. */
  parked(): Promise<Parked>
}

interface Running {
  kill(signal: NodeJS.Signals): void
  /** Resolves once it takes signals, or has ended. */
  readonly ready: Promise<unknown>
  readonly ended: Promise<number | null>
}

/** All state lies below `folder`, in a folder of each name's, with its output. `config`: what they run. */
export const createMembers = (
  folder: string,
  env: NodeJS.ProcessEnv,
  config = 'test/chaos/app/millrace.config.ts',
): Members => {
  const running = new Map<string, Running>()
  const known = new Set<string>()
  const end = async (name: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    const member = running.get(name)
    if (!member) return
    running.delete(name)
    // One that is ended before it takes signals has nothing to drain and does not say so.
    if (signal === 'SIGTERM') await member.ready
    member.kill(signal)
    const code = await member.ended
    if (signal === 'SIGTERM' && code !== 0)
      throw new Error(`member ${name} stopped with ${code}; see ${folder}/${name}`)
  }
  return {
    names: () => [...running.keys()],
    start(name) {
      known.add(name)
      running.set(name, startMember(join(folder, name), env, config))
    },
    signal: (name, signal) => running.get(name)?.kill(signal),
    end,
    endAll: async () => void (await Promise.all([...running.keys()].map(name => end(name, 'SIGTERM')))),
    parked: async () => (await Promise.all([...known].map(name => parkedIn(join(folder, name))))).flat(),
  }
}

const startMember = (stateDir: string, env: NodeJS.ProcessEnv, config: string): Running => {
  mkdirSync(stateDir, { recursive: true })
  const child = spawn(process.execPath, ['core/cli/main.ts', 'start', '--plain', '--config', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env, CHAOS_STATE: stateDir },
  })
  const output = createWriteStream(join(stateDir, 'output'), { flags: 'a' })
  for (const stream of [child.stdout, child.stderr]) stream.pipe(output, { end: false })
  let over = false
  const started = Promise.withResolvers<void>()
  child.stdout.on('data', (piece: Buffer) => {
    if (piece.includes('is running')) started.resolve()
  })
  const ended = once(child, 'exit').then(([code]: (number | null)[]) => {
    over = true
    output.end()
    return code ?? null
  })
  return { kill: signal => void (over || child.kill(signal)), ready: Promise.race([started.promise, ended]), ended }
}

const parkedIn = async (stateDir: string): Promise<Parked> => {
  const app = createApp({ name: 'reader', stateDir, mappings: {} })
  const letters = await app.deadLetters.list({ limit: 100_000 })
  const parked = await Promise.all(
    letters.map(async ({ id }) => {
      const { letter } = await app.deadLetters.show(id)
      return numberOf(Buffer.from(letter.record.body ?? []).toString())
    }),
  )
  await app.stop()
  return parked
}
