/**
 * A function somewhere else, behind HTTP. An environment is one connection to it: as many at once as the function may
 * have environments, one request on each, kept alive. Its memory and what runs on after a timeout are its own matter.
 */
import { sleepUnless } from '../../clock.ts'
import type { RemoteCode } from '../contract.ts'
import type { CreateEnvironment, Invoked } from '../environment.ts'
import { neverBegan } from '../hosting/replies.ts'
import { ABORTED, timedOut } from '../outcomes.ts'
import { MAX_ANSWER_BYTES } from '../runtime/answer.ts'
import { sendCloudEvents } from './cloudevents.ts'
import { createConnection } from './connection.ts'
import { invokeLambda } from './lambda.ts'
import type { Remote } from './remote.ts'
import { readResult } from './status.ts'

const PROTOCOLS = { lambda: invokeLambda, cloudevents: sendCloudEvents } as const

const OURS = { 'Accept-Encoding': 'identity', 'User-Agent': 'millrace' }

export const remoteEnvironments =
  (code: RemoteCode): CreateEnvironment =>
  ({ spec, clock, id, ...parts }) => {
    const log = parts.log.with({ function: spec.name, environment: id })
    const url = new URL(code.url)
    const { tls, headers } = code
    const limits = { connectMs: spec.initTimeoutMs, maxBytes: MAX_ANSWER_BYTES }
    const connection = createConnection({ url, tls, clock, ...limits })
    let closed = false
    let current: { readonly done: Promise<Invoked>; readonly abort: () => void } | undefined

    const remoteOf = (signal: AbortSignal, timeout: AbortSignal): Remote => ({
      spec,
      isLate: () => timeout.aborted,
      async post(more, body) {
        const result = await connection.post({
          headers: { ...OURS, ...more, ...headers },
          body,
          signal: AbortSignal.any([signal, timeout]),
        })
        if (result.kind === 'aborted' && timeout.aborted && !signal.aborted) {
          const late = timedOut(spec, 'its answer is not waited for any longer, and what runs there may go on')
          if (late.kind === 'failed') return { kind: 'failed', error: late.error }
        }
        const asked = { functionName: spec.name, url: shown(url), now: clock.now(), maxBytes: MAX_ANSWER_BYTES }
        return readResult(result, asked)
      },
    })

    return {
      id,
      // Nothing has to be started: whether the function is there, the first request finds out.
      init: async () => undefined,
      async invoke(invocation) {
        if (closed || invocation.signal.aborted) return neverBegan(ABORTED)
        const startMs = clock.monotonic()
        const timeout = new AbortController()
        const stop = new AbortController()
        const cancel = clock.after(spec.timeoutMs, () => timeout.abort())
        const run = async (): Promise<Invoked> => {
          const remote = remoteOf(AbortSignal.any([invocation.signal, stop.signal]), timeout.signal)
          const { outcome, logs } = await PROTOCOLS[code.protocol](remote, invocation)
          cancel()
          for (const line of logs) log.info(line)
          return { outcome, logs, durationMs: clock.monotonic() - startMs, maxMemoryMb: undefined, begun: true }
        }
        const done = run()
        current = { done, abort: () => stop.abort() }
        const invoked = await done
        current = undefined
        return invoked
      },
      takesNext: () => false,
      usable: () => !closed,
      onGone() {},
      async close(graceMs) {
        closed = true
        const running = current
        if (running) {
          await sleepUnless(clock, graceMs, running.done)
          running.abort()
          await running.done
        }
        connection.close()
      },
    }
  }

/** Without what may be a secret. */
const shown = ({ origin, pathname }: URL): string => `${origin}${pathname}`
