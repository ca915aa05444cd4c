/**
 * A function in an environment that the host talks to by messages, whatever carries it.
 *
 *   init ──▶ ready ──▶ idle ◀──▶ busy ── timeout, memory, crash, grace over ──▶ killed, gone
 */
import { sleepUnless } from '../../clock.ts'
import type { ErrorInfo } from '../../contract.ts'
import { errorInfo } from '../../errors.ts'
import type { Company } from '../company.ts'
import type { ColdStart, Invocation } from '../contract.ts'
import type { Environment, EnvironmentParts, Invoked } from '../environment.ts'
import { watchMemory } from '../limits/memory-watch.ts'
import { ABORTED, initTimedOut, restoreTimedOut } from '../outcomes.ts'
import { placeOf } from '../place.ts'
import { invocationOver } from '../runtime/context.ts'
import { MESSAGE, type Message } from '../wire/message.ts'
import { decodeSend, encodeSendError } from '../wire/send.ts'
import type { Carrier, CarrierKind, Exit } from './carrier.ts'
import { describeExit, endedBefore, endedDuring, initEnded, memoryMessage, outOfMemory, withLastLines } from './exit.ts'
import { answerKeys } from './keys.ts'
import { createOutput } from './output.ts'
import { REHEARSALS, rehearsalRequest } from './rehearsal.ts'
import { afterOutput, coldStartOf, neverBegan, replyOf, writeLog } from './replies.ts'
import { createRequests } from './requests.ts'

export const hostedEnvironment = (parts: EnvironmentParts, kind: CarrierKind, company: Company): Environment => {
  const { spec, clock, id } = parts
  const place = placeOf(parts)
  const log = parts.log.with({ function: spec.name, environment: id })
  const output = createOutput(log, clock)
  let state: 'new' | 'ready' | 'gone' = 'new'
  let closing = false
  let carrier: Carrier | undefined
  let restoring = false
  /** Before it counts as ready. */
  let rehearsals = parts.initialization === 'on-demand' ? 0 : REHEARSALS
  let startedMs = 0
  let coldStart: ColdStart | undefined
  let uncaught: ErrorInfo | undefined
  let startedFor: Invocation | undefined
  /** Of that one, where it was sent before Init ended. */
  let ahead: Promise<Invoked> | undefined
  let endInit: ((problem: ErrorInfo | undefined) => void) | undefined
  let tellGone = (): void => {}

  const failInit = (message: string): void =>
    endInit?.({ name: 'FunctionInitFailed', code: 'FUNCTION_INIT_FAILED', message })

  const start = (): void => {
    const started = kind.start({ spec, place, clock, log, output, onMessage })
    carrier = started
    started.ended.then(exit => onEnded(started, exit))
    started.send(MESSAGE.load, 0, JSON.stringify({ code: spec.code, place, timeoutMs: spec.timeoutMs }))
    requests.sendAgain()
    memory.watch()
  }

  /** False: there is no room for another one, and why the first has ended is told instead. */
  const startAnother = (): boolean => {
    try {
      start()
      return true
    } catch {
      return false
    }
  }

  const onEnded = (ended: Carrier, exit: Exit): void => {
    if (endInit && !closing && ended.untouched() && startAnother()) {
      ended.forget()
      return
    }
    const byItself = state === 'ready' && !closing
    state = 'gone'
    memory.stop()
    const ending = { exit, lines: page.lines(), uncaught: uncaught ?? exit.uncaught }
    if (endInit) failInit(initEnded(spec, ending, restoring ? 'in its afterRestore' : 'while its module was imported'))
    else if (requests.size === 0 && byItself) {
      log.warn(`functions.${spec.name}: idle, and ${describeExit(ending)}`)
      tellGone()
    }
    requests.endAll(endedDuring(spec, ending), endedBefore(spec))
    ended.forget()
  }

  const requests = createRequests({
    spec,
    clock,
    killed: kind.killed,
    company,
    send: (request, how, { header, bodies }) => carrier?.request(request, how, header, bodies),
    abort: request => carrier?.send(MESSAGE.abort, request, ''),
    /** What was decided is told when the environment is gone, with all it had printed, unless it does not go. */
    kill: outcome => {
      state = 'gone'
      const cancel = clock.after(kind.killWaitMs, () => requests.endAll(outcome, endedBefore(spec)))
      void carrier?.ended.then(cancel)
      carrier?.kill()
    },
    begun: () => carrier?.begun() ?? 0,
    recall: upTo => carrier?.recall(upTo) ?? 0,
  })
  let page = output.begin()

  const memory = watchMemory({
    clock,
    limitMb: spec.memoryMb,
    usedMb: () => carrier?.memoryMb(),
    isBusy: () => requests.size > 0 || endInit !== undefined,
    over(how) {
      if (endInit) failInit(memoryMessage(spec, how))
      else if (requests.size > 0) requests.decide(outOfMemory(spec, how))
      else carrier?.kill()
    },
  })

  const onMessage = (message: Message): void => {
    const handle = handlers[message.kind]
    if (!handle) throw new RangeError(`a frame of kind ${message.kind}`)
    handle(message)
  }
  const rehearseOrEnd = (): void => {
    if (rehearsals === 0) {
      endInit?.(undefined)
      // When the first request is on its way.
      setImmediate(memory.first)
    } else {
      const { header, bodies } = rehearsalRequest()
      carrier?.send(MESSAGE.rehearse, rehearsals, header, bodies)
    }
  }
  const rehearsed = (message: Message): void => {
    replyOf({ ...message, kind: MESSAGE.answered })
    rehearsals -= 1
    rehearseOrEnd()
  }
  const answered = (message: Message): void => requests.answered(message.id, replyOf(message))
  const relaySend = async (message: Message): Promise<void> => {
    let reply = ''
    try {
      if (requests.size === 0 || state !== 'ready') throw invocationOver(spec.name)
      const { address, records } = decodeSend(message.header, message.body)
      await parts.host.send(address, records)
    } catch (thrown) {
      reply = encodeSendError(thrown)
    }
    if (state === 'ready') carrier?.send(MESSAGE.sent, message.id, reply)
  }

  /** A caller who has gone takes nothing any more: the function is told by its signal. */
  const relayPiece = async ({ id: request, header, body }: Message): Promise<void> => {
    const stream = requests.streamOf(request)
    try {
      if (header === '') await stream?.write(body)
      else stream?.begin(JSON.parse(header))
    } catch (thrown) {
      log.debug('a piece of an answer was not taken', { error: errorInfo(thrown) })
    }
    if (body.length > 0 && state === 'ready') carrier?.send(MESSAGE.taken, request, String(body.length))
  }

  const handlers: Readonly<Record<number, (message: Message) => unknown>> = {
    [MESSAGE.ready]: ({ header }) => {
      if (carrier && coldStart === undefined)
        coldStart = coldStartOf(carrier.from, JSON.parse(header), clock.monotonic() - startedMs)
      rehearseOrEnd()
    },
    [MESSAGE.rehearsed]: message => {
      // One that was blank before may still have answers from then.
      if (endInit && rehearsals > 0 && coldStart) rehearsed(message)
    },
    [MESSAGE.notReady]: message => endInit?.(JSON.parse(message.header)),
    [MESSAGE.answered]: answered,
    [MESSAGE.failed]: answered,
    [MESSAGE.mismatch]: answered,
    [MESSAGE.recalled]: ({ id }) => requests.leftOut(id),
    [MESSAGE.send]: relaySend,
    [MESSAGE.keys]: async ({ id: call, header }) => {
      const reply = await answerKeys(parts.app, parts.host, header)
      if (state === 'ready') carrier?.send(MESSAGE.keysAnswered, call, reply)
    },
    [MESSAGE.piece]: relayPiece,
    [MESSAGE.log]: message => writeLog(log, output, message.header),
    [MESSAGE.dying]: message => {
      uncaught = JSON.parse(message.header)
    },
  }

  const run = (invocation: Invocation, resolve: (invoked: Invoked) => void): void => {
    let mine = page
    requests.add(
      invocation,
      () => {
        // What was printed when that one began may be of either, so it has what Init printed too.
        if (invocation !== startedFor) page = output.begin()
        mine = page
        memory.watch()
      },
      ({ outcome, ...how }) => {
        const maxMemoryMb = memory.mostMb(how.durationMs)
        if (closing && state === 'ready' && requests.size === 0) carrier?.send(MESSAGE.close, 0, '')
        afterOutput(outcome, output, () => resolve({ outcome, ...how, logs: mine.lines(), maxMemoryMb }))
      },
    )
  }

  /** Begins what the environment answers with `ready` or `notReady`, and gives it the time that Init has. */
  const becomeReady = (begin: () => void): Promise<ErrorInfo | undefined> =>
    new Promise(resolve => {
      const cancel = clock.after(spec.initTimeoutMs, () =>
        failInit(withLastLines(restoring ? restoreTimedOut(spec) : initTimedOut(spec), page.lines())),
      )
      endInit = problem => {
        endInit = undefined
        cancel()
        state = problem ? 'gone' : 'ready'
        if (problem) {
          carrier?.kill()
          requests.endAll(endedBefore(spec), endedBefore(spec))
        } else requests.open()
        resolve(problem)
      }
      if (state === 'gone') return failInit(`functions.${spec.name}: its environment ended before it was used`)
      try {
        begin()
      } catch (thrown) {
        failInit(`functions.${spec.name}: its environment could not be started: ${errorInfo(thrown).message}`)
      }
    })

  return {
    id,
    init(invocation) {
      startedMs = clock.monotonic()
      startedFor = invocation
      const ready = becomeReady(start)
      if (endInit && invocation && !invocation.signal.aborted && kind.sendsAhead()) {
        requests.shut()
        ahead = new Promise(resolve => run(invocation, resolve))
      }
      return ready
    },
    restore: () =>
      becomeReady(() => {
        restoring = true
        carrier?.send(MESSAGE.restore, 0, '')
        memory.watch()
      }),
    coldStart: () => coldStart,
    invoke: async invocation => {
      if (ahead && invocation === startedFor) return ahead
      if (invocation.signal.aborted) return neverBegan(ABORTED)
      if (state !== 'ready') return neverBegan(endedBefore(spec))
      return new Promise(resolve => run(invocation, resolve))
    },
    usable: () => state === 'ready' && !closing,
    takesNext: () => state === 'ready' && !closing && requests.hasRoom && output.quiet(),
    onGone(tell) {
      tellGone = tell
    },
    async close(graceMs) {
      closing = true
      if (!carrier) return
      const { ended } = carrier
      if (endInit) carrier.kill()
      else if (requests.size === 0 && state === 'ready') carrier.send(MESSAGE.close, 0, '')
      const cancel = clock.after(graceMs, () => (requests.size > 0 ? requests.decide(ABORTED) : carrier?.kill()))
      await sleepUnless(clock, graceMs + kind.killWaitMs, ended)
      cancel()
    },
  }
}
