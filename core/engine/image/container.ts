/** A container of an image, from its start to its end, by a command line that stays with it and prints what it prints. */
import { type ChildProcess, spawn } from 'node:child_process'
import { request } from 'node:http'
import { type Clock, sleep } from '../../clock.ts'
import type { FunctionSpec, ImageCode } from '../contract.ts'
import type { Output } from '../hosting/output.ts'
import type { Reaper } from '../process/reaper.ts'
import { type ContainerEngine, isOwnVariable, ownVariables } from './cli.ts'
import { ownerLabel } from './engine.ts'

export interface Container {
  /** Resolves with its origin once it answers HTTP; undefined when `signal` aborted or it ended before. */
  origin(signal: AbortSignal): Promise<string | undefined>
  /** Resolves with its exit code. */
  readonly ended: Promise<number | null>
  /** At once, whatever it is doing. Resolves when it is gone. */
  kill(): Promise<void>
}

export interface ContainerParts {
  readonly engine: ContainerEngine
  readonly code: ImageCode
  readonly spec: FunctionSpec
  /** Unique: names it. */
  readonly id: string
  readonly version: string
  readonly output: Output
  readonly clock: Clock
  readonly reaper: Reaper
}

/** Where the emulator in AWS's images listens. */
const PORT = '8080'
const LOOK_MS = 50
const KILL_PATIENCE_MS = 10_000

export const startContainer = (parts: ContainerParts): Container => {
  const { engine, clock, output, reaper } = parts
  const name = `millrace-${parts.id}`
  const child = spawnCommand(parts, name)
  const { pid } = child
  if (pid !== undefined) reaper.add(pid)
  if (child.stdout) output.attach(child.stdout, 'info')
  if (child.stderr) output.attach(child.stderr, 'warn')
  const ended = new Promise<number | null>(resolve => {
    const end = (code: number | null): void => {
      if (pid !== undefined) reaper.remove(pid)
      resolve(code)
    }
    child.once('error', () => end(null))
    child.once('close', end)
  })
  let gone = false
  void ended.then(() => {
    gone = true
  })

  const origin = async (signal: AbortSignal): Promise<string | undefined> => {
    let found: string | undefined
    while (!gone && !signal.aborted) {
      found ??= await publishedAt(engine, name)
      if (found !== undefined && (await answers(found, signal))) return found
      await sleep(clock, LOOK_MS, signal)
    }
    return undefined
  }

  const kill = async (): Promise<void> => {
    const patience = new AbortController()
    // It may not be there yet, or not any more: then the command line that holds it is told, and hands that on.
    const removed = engine.run(['rm', '--force', name], patience.signal).catch(() => child.kill('SIGTERM'))
    await Promise.race([Promise.all([removed, ended]), sleep(clock, KILL_PATIENCE_MS, patience.signal)])
    patience.abort()
    if (!gone) child.kill('SIGKILL')
  }
  return { origin, ended, kill }
}

const spawnCommand = ({ engine, code, spec, version }: ContainerParts, name: string): ChildProcess => {
  const variables: Record<string, string> = { ...lambdaVariables(spec, version), ...spec.env }
  const args = [
    ...['run', '--rm', '--name', name, '--label', ownerLabel(), '--publish', `127.0.0.1::${PORT}`],
    ...['--memory', `${Math.floor(spec.memoryMb)}m`],
    // By name only: what stands on a command line everybody on the machine can read.
    ...Object.entries(variables).flatMap(([variable, value]) => [
      '--env',
      isOwnVariable(variable) ? `${variable}=${value}` : variable,
    ]),
    code.image,
    ...code.containerCommand,
  ]
  return spawn(engine.command, args, {
    env: { ...variables, ...ownVariables() },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

const MS_IN_SECOND = 1_000

const lambdaVariables = (spec: FunctionSpec, version: string): Readonly<Record<string, string>> => ({
  AWS_LAMBDA_FUNCTION_NAME: spec.name,
  AWS_LAMBDA_FUNCTION_VERSION: version,
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.memoryMb),
  // Later than ours, which kills the container.
  AWS_LAMBDA_FUNCTION_TIMEOUT: String(Math.ceil(spec.timeoutMs / MS_IN_SECOND) + 1),
})

const publishedAt = async (engine: ContainerEngine, name: string): Promise<string | undefined> => {
  // Not there before the container runs.
  const text = await engine.run(['port', name, `${PORT}/tcp`]).catch(() => '')
  const port = /:(\d+)\s*$/m.exec(text)?.[1]
  return port === undefined ? undefined : `http://127.0.0.1:${port}`
}

/** Any answer will do; the port of a container takes connections before anything in it listens, and cuts them. */
const answers = (origin: string, signal: AbortSignal): Promise<boolean> =>
  new Promise(resolve => {
    const asked = request(`${origin}/`, { method: 'HEAD', agent: false, signal })
    asked.once('response', response => {
      response.resume()
      resolve(true)
    })
    asked.once('error', () => resolve(false))
    asked.end()
  })
