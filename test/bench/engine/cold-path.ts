/** The cold path where something was made ready before: a blank process, compiled code, an environment past Init. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { sleep, systemClock } from '../../../core/clock.ts'
import type { FunctionEngine } from '../../../core/engine/engine.ts'
import type { Aim, Contestant } from '../contestant.ts'
import { median } from '../median.ts'
import { type Start, startsOf } from './cold.ts'
import { benchEngine, callOf, type EngineOptions } from './millrace.ts'
import { ONE } from './work.ts'

const HEAVY = `${import.meta.dirname}/heavy.ts`
/** A blank process has loaded by then what it loads beforehand. */
const PRELOAD_MS = 200
const CALLS = 200

const contestant = (name: string, start: Start, aim?: Aim): Contestant => ({
  name,
  ...(aim ? { aim } : {}),
  async open() {
    // What it compiles is compiled.
    await start()
    return { round: () => startsOf(start), close: async () => undefined }
  },
})

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const startMs = performance.now()
  await work()
  return (performance.now() - startMs) * 1_000
}

const startWith =
  (options: EngineOptions): Start =>
  async () => {
    const engine = benchEngine('process', options)
    engine.version('reply')
    if (options.zygotes) await zygoteReady(engine)
    const micros = await timed(callOf(engine, { bodies: ONE }))
    await engine.close(0)
    return micros
  }

const zygoteReady = async (engine: FunctionEngine): Promise<void> => {
  while (engine.zygotes() === 0) await sleep(systemClock, 10)
  await sleep(systemClock, PRELOAD_MS)
}

export const fromZygote = (aim: Aim): Contestant =>
  contestant('millrace process from a zygote, first answer', startWith({ zygotes: 1 }), aim)

export const heavyFork: Contestant = contestant('a plain fork, first answer', async () => {
  const startMs = performance.now()
  const child = fork(`${import.meta.dirname}/heavy-main.ts`, {
    env: process.env.PATH === undefined ? {} : { PATH: process.env.PATH },
  })
  child.send('go')
  await once(child, 'message')
  const micros = (performance.now() - startMs) * 1_000
  child.kill()
  await once(child, 'exit')
  return micros
})

export const heavyMillrace = (options: EngineOptions, aim?: Aim): Contestant =>
  contestant(
    options.zygotes ? 'millrace process, cache and zygote' : 'millrace process, cache',
    startWith({ ...options, file: HEAVY }),
    aim,
  )

/** So long nothing is asked of an environment before a call that is measured, because nobody knows when a first one comes. */
const PAUSE_MS = 20
const PAUSED_CALLS = 15

const afterPause = async (call: () => Promise<unknown>): Promise<number> => {
  await sleep(systemClock, PAUSE_MS)
  return timed(call)
}

/** One environment: there is a slot once it is past Init. */
const provisioned = async (measure: (call: () => Promise<unknown>) => Promise<number>): Promise<number> => {
  const engine = benchEngine('process', { provisioned: 1 })
  const slot = await engine.acquire('reply', 'bench', new AbortController().signal)
  slot?.release()
  const micros = await measure(callOf(engine, { bodies: ONE }))
  await engine.close(0)
  return micros
}

export const provisionedFirst = (aim: Aim): Contestant =>
  contestant('its first call', () => provisioned(afterPause), aim)

export const provisionedWarm: Contestant = contestant('a warm call of a provisioned environment', () =>
  provisioned(async call => {
    for (let index = 0; index < CALLS; index += 1) await call()
    const micros: number[] = []
    for (let index = 0; index < PAUSED_CALLS; index += 1) micros.push(await afterPause(call))
    return median(micros)
  }),
)
