/** From nothing to the first answer. What is started before the clock runs is what an app has running anyway. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Isolation } from '../../../core/engine/contract.ts'
import type { Aim, Contestant } from '../contestant.ts'
import { median } from '../median.ts'
import { benchEngine, callOf } from './millrace.ts'
import { ONE } from './work.ts'

const STARTS_A_ROUND = 7

/** Starts one, answers in microseconds how long it took to its first answer, and ends it. */
export type Start = () => Promise<number>

export const startsOf = async (start: Start): Promise<number> => {
  const micros: number[] = []
  for (let index = 0; index < STARTS_A_ROUND; index += 1) micros.push(await start())
  return median(micros)
}

const BARE = "require('node:worker_threads').parentPort.postMessage('ready')"

const startBare: Start = async () => {
  const startMs = performance.now()
  const worker = new Worker(BARE, { eval: true })
  await once(worker, 'message')
  const micros = (performance.now() - startMs) * 1_000
  await worker.terminate()
  return micros
}

export const bareWorker: Contestant = {
  name: 'a bare new Worker, first message',
  open: async () => ({ round: () => startsOf(startBare), close: async () => undefined }),
}

const startNode: Start = async () => {
  const startMs = performance.now()
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit')
  return (performance.now() - startMs) * 1_000
}

/** What a process costs by itself. */
export const bareNode: Contestant = {
  name: 'node -e 0, from start to end',
  open: async () => ({ round: () => startsOf(startNode), close: async () => undefined }),
}

const WRITES_ONE_BYTE = "require('node:fs').writeSync(3, '.')"

const startEmpty: Start = async () => {
  const startMs = performance.now()
  const child = spawn(process.execPath, ['-e', WRITES_ONE_BYTE], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
  const { 3: socket } = child.stdio
  if (!socket) throw new Error('it has no descriptor 3')
  await once(socket, 'data')
  const micros = (performance.now() - startMs) * 1_000
  await once(child, 'exit')
  return micros
}

/** What no process that answers over a socketpair can be quicker than. */
export const emptyProcess: Contestant = {
  name: 'floor: a process that writes one byte',
  open: async () => ({ round: () => startsOf(startEmpty), close: async () => undefined }),
}

export const coldMillrace = (isolation: Isolation, aim: Aim): Contestant => ({
  name: `millrace ${isolation}, first answer`,
  aim,
  async open() {
    // An app that runs: what watches over its environments is there, and their code was compiled before.
    const running = benchEngine(isolation)
    await callOf(running, { bodies: ONE })()
    return { round: () => startsOf(() => startCold(isolation)), close: () => running.close(0) }
  },
})

const startCold = async (isolation: Isolation): Promise<number> => {
  const engine = benchEngine(isolation)
  engine.version('reply')
  const call = callOf(engine, { bodies: ONE })
  const startMs = performance.now()
  await call()
  const micros = (performance.now() - startMs) * 1_000
  await engine.close(0)
  return micros
}
