/**
 * A function in a container of its own, asked over the invoke endpoint that the emulator in AWS's images answers. A timeout
 * removes the container, and its memory is limited by the container engine.
 */
import { type Cancel, sleep } from '../../clock.ts'
import type { ErrorInfo } from '../../contract.ts'
import { errorInfo } from '../../errors.ts'
import type { ImageCode, Outcome } from '../contract.ts'
import type { CreateEnvironment, Environment, EnvironmentParts, Invoked } from '../environment.ts'
import { endedBefore } from '../hosting/exit.ts'
import { createOutput } from '../hosting/output.ts'
import { neverBegan } from '../hosting/replies.ts'
import { failedWith, initTimedOut } from '../outcomes.ts'
import type { Reaper } from '../process/reaper.ts'
import { remoteEnvironments } from '../remote/environment.ts'
import { type Container, startContainer } from './container.ts'
import type { Images } from './engine.ts'

export interface ImageTools {
  readonly images: Images
  readonly reaper: Reaper
}

const INVOKE_PATH = '/2015-03-31/functions/function/invocations'
/** How long the end of a container is waited for that broke off, to say how it ended. */
const ENDING_MS = 500

export const imageEnvironments =
  (code: ImageCode, tools: ImageTools): CreateEnvironment =>
  parts =>
    imageEnvironment(parts, code, tools)

const imageEnvironment = (parts: EnvironmentParts, code: ImageCode, { images, reaper }: ImageTools): Environment => {
  const { spec, clock, id, version } = parts
  const output = createOutput(parts.log.with({ function: spec.name, environment: id }), clock)
  let page = output.begin()
  let container: Container | undefined
  let inner: Environment | undefined
  let state: 'new' | 'ready' | 'busy' | 'gone' = 'new'
  let closed = false
  let tellGone = (): void => {}

  const end = async (): Promise<void> => {
    state = 'gone'
    await inner?.close(0)
    await container?.kill()
  }
  const onEnded = (): void => {
    const wasIdle = state === 'ready'
    if (state !== 'new') state = 'gone'
    if (wasIdle && !closed) tellGone()
  }

  /** From the start of the container, which is when its Init begins: pulling an image may take longer. */
  const start = async (): Promise<string | undefined> => {
    const engine = await images.ready(code.image)
    if (closed) return 'the app is stopping'
    container = startContainer({ engine, code, spec, id, version, output, clock, reaper })
    const late = new AbortController()
    const cancel: Cancel = clock.after(spec.initTimeoutMs, () => late.abort())
    const origin = await container.origin(late.signal)
    cancel()
    if (origin === undefined) return late.signal.aborted ? initTimedOut(spec) : await endedEarly(container)
    const url = `${origin}${INVOKE_PATH}`
    inner = remoteEnvironments({ url, protocol: 'lambda', headers: {}, tls: {} })(parts)
    void container.ended.then(onEnded)
    state = 'ready'
    return undefined
  }
  const endedEarly = async ({ ended }: Container): Promise<string> => {
    const printed = page.lines().join(' | ')
    return `functions.${spec.name}: its container ended with exit code ${await ended} before it answered${printed === '' ? '' : `. It printed: ${printed}`}`
  }

  /** A container that broke off tells how it ended. */
  const explained = async (outcome: Outcome): Promise<Outcome> => {
    if (!container || !isCrash(outcome)) return outcome
    const code = await Promise.race([container.ended, sleep(clock, ENDING_MS).then(() => undefined)])
    if (code === undefined) return outcome
    return failedWith('FunctionCrashed', 'FUNCTION_CRASHED', endedText(spec.name, code, spec.memoryMb))
  }

  return {
    id,
    async init() {
      try {
        const problem = await start()
        if (problem === undefined) return undefined
        await end()
        return initFailed(problem)
      } catch (thrown) {
        await end()
        return initFailed(`functions.${spec.name}: ${errorInfo(thrown).message}`)
      }
    },
    async invoke(invocation) {
      if (!inner || state !== 'ready') return neverBegan(endedBefore(spec))
      state = 'busy'
      page = output.begin()
      const invoked = await inner.invoke(invocation)
      const outcome = await explained(invoked.outcome)
      if (state === 'busy' && isUsable(outcome)) state = 'ready'
      else await end()
      // What did not get through is another environment's, if this was one that had been used before.
      return { ...invoked, outcome, logs: page.lines(), begun: !isUnreachable(outcome) } satisfies Invoked
    },
    takesNext: () => false,
    usable: () => state === 'ready' && !closed,
    onGone(run) {
      tellGone = run
    },
    async close(graceMs) {
      closed = true
      await inner?.close(graceMs)
      await end()
    },
  }
}

const initFailed = (message: string): ErrorInfo => ({
  name: 'FunctionInitFailed',
  code: 'FUNCTION_INIT_FAILED',
  message,
})

const isCrash = (outcome: Outcome): boolean => outcome.kind === 'failed' && outcome.error.code === 'FUNCTION_CRASHED'

const isUnreachable = (outcome: Outcome): boolean =>
  outcome.kind === 'not-ready' && outcome.error.code === 'FUNCTION_INIT_FAILED'

/** What ran past its time, or was given up, may run on in there. */
const isUsable = (outcome: Outcome): boolean =>
  !isCrash(outcome) &&
  !isUnreachable(outcome) &&
  outcome.kind !== 'aborted' &&
  !(outcome.kind === 'failed' && outcome.error.code === 'FUNCTION_TIMEOUT')

/** What a kernel that ends a process leaves as the exit code of its container. */
const KILLED = 137

const endedText = (name: string, code: number | null, memoryMb: number): string =>
  `functions.${name}: its container ended with exit code ${code} in the middle of its work` +
  (code === KILLED ? `; it was killed, perhaps because it used more than its memory of ${memoryMb} MB` : '')
