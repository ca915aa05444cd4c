/**
 * A function inside the host's own process: for tests, and for trusted code that wants no border.
 *
 * Not enforced: a timeout is reported when it passes, but what runs goes on and its answer is thrown away; memory is
 * not limited; a function that ends the process ends the host. `body` is the host's own bytes: it is not to be written
 * to.
 */
import { sleep, sleepUnless } from '../../clock.ts'
import { errorInfo } from '../../errors.ts'
import type { FunctionSpec } from '../contract.ts'
import type { CreateEnvironment, Enforces, Environment, EnvironmentParts, Invoked } from '../environment.ts'
import { ABORTED, initTimedOut } from '../outcomes.ts'
import { placeOf } from '../place.ts'
import type { LoadedFunction, Loading } from '../runtime/load.ts'
import { type InlineInvocation, startInline } from './invoke.ts'
import { type SharedModule, sharedModule } from './module.ts'

export const INLINE_ENFORCES: Enforces = {
  timeout: { held: 'no', how: 'reported; what runs goes on, its answer is ignored' },
  memory: { held: 'no', how: 'not limited' },
  crash: { held: 'no', how: 'ends the host' },
  variables: { held: 'no', how: "the host's" },
  output: { held: 'no', how: "the host's own" },
  leftovers: { held: 'no', how: 'what a function started is left alone' },
}

const NO_LOGS: readonly string[] = []
const NEVER_BEGAN: Invoked = { outcome: ABORTED, durationMs: 0, logs: NO_LOGS, maxMemoryMb: undefined, begun: false }

/** Inline environments of one function. */
export const inlineEnvironments = (spec: FunctionSpec): CreateEnvironment => {
  const module = sharedModule(spec)
  return parts => inlineEnvironment(parts, module)
}

const inlineEnvironment = (parts: EnvironmentParts, module: SharedModule): Environment => {
  const { spec, clock, log, host, id } = parts
  const place = placeOf(parts)
  const invokeParts = { spec, place, clock, host, log: log.with({ function: spec.name, environment: id }) }
  let loaded: LoadedFunction | undefined
  let usable = true
  let importMs = 0
  let left = false
  let current: InlineInvocation | undefined

  return {
    id,
    async init() {
      const startMs = clock.monotonic()
      const loading = await withinInitTimeout(parts, module.load(parts.version))
      importMs = clock.monotonic() - startMs
      loaded = loading.loaded
      if (loading.loaded) return undefined
      usable = false
      // Not waited for: an import that never ends is why some come here.
      void module.leave()
      return loading.error
    },
    coldStart: () => ({ from: 'new', importMs }),
    async invoke(invocation) {
      if (!loaded) throw new Error(`environment ${id} was invoked before Init`)
      if (invocation.signal.aborted) return NEVER_BEGAN
      const startMs = clock.monotonic()
      current = startInline(invokeParts, loaded, invocation)
      const outcome = await current.outcome
      // What was given up may still be running: another request must not join it.
      if (current.abandoned()) usable = false
      current = undefined
      return { outcome, durationMs: clock.monotonic() - startMs, logs: NO_LOGS, maxMemoryMb: undefined, begun: true }
    },
    usable: () => usable,
    takesNext: () => false,
    onGone() {},
    async close(graceMs) {
      usable = false
      const endMs = clock.monotonic() + graceMs
      const running = current
      if (running) {
        await sleepUnless(clock, graceMs, running.outcome)
        running.abort(new DOMException('the app was stopped', 'AbortError'), 0)
        await running.outcome
      }
      if (!loaded || left) return
      left = true
      await shutDown(parts, module, Math.max(0, endMs - clock.monotonic()))
    },
  }
}

const withinInitTimeout = async (parts: EnvironmentParts, loading: Promise<Loading>): Promise<Loading> => {
  const { spec, clock } = parts
  const done = new AbortController()
  const late = sleep(clock, spec.initTimeoutMs, done.signal).then(
    (): Loading => ({
      error: { name: 'FunctionInitFailed', code: 'FUNCTION_INIT_FAILED', message: initTimedOut(spec) },
    }),
  )
  const first = await Promise.race([loading, late])
  done.abort()
  return first
}

const shutDown = async (parts: EnvironmentParts, module: SharedModule, graceMs: number): Promise<void> => {
  const shutdown = await module.leave()
  if (!shutdown) return
  const done = new AbortController()
  const late = sleep(parts.clock, graceMs, done.signal)
  try {
    await Promise.race([shutdown(), late])
  } catch (thrown) {
    parts.log.warn(`functions.${parts.spec.name}: its shutdown failed: ${errorInfo(thrown).message}`)
  }
  done.abort()
}
