/**
 * A worker thread as a carrier: posted messages, a mark in shared memory, and an end that is usual rather than sure.
 *
 *   kill ── terminate() ──▶ ended, mostly within 2 ms
 *                └── not within 250 ms ──▶ wedged: counted, logged, and its request is reported all the same
 */
import { Worker } from 'node:worker_threads'
import { systemClock } from '../../clock.ts'
import { errorInfo } from '../../errors.ts'
import type { Enforces } from '../environment.ts'
import type { Carrier, CarrierKind, CarrierParts, Exit } from '../hosting/carrier.ts'
import { compileCacheDir } from '../hosting/compile-cache.ts'
import { environmentVariables, heapMb } from '../hosting/start.ts'
import { runtimeFile } from '../one-file/runtime-file.ts'
import { MESSAGE } from '../wire/message.ts'
import { type Posted, post, received } from './port.ts'
import { noteFreed, noteWedged, refuseWhenWedged } from './wedged.ts'

/** What terminate() has not ended by then it will hardly end. */
const WEDGED_AFTER_MS = 250
/** Of V8's young generation: small, because each thread has its own, and they are many. */
const YOUNG_MB = 8

export const THREAD_ENFORCES: Enforces = {
  timeout: {
    held: 'mostly',
    how: 'ends the thread, usually in 2 ms; not in a blocking system call, nor in some loops of V8, which are logged as wedged',
  },
  memory: {
    held: 'mostly',
    how: "V8's heap limit, best effort: some leaks end the host; buffers are not limited, and use is not measured",
  },
  crash: {
    held: 'mostly',
    how: 'process.exit and what nobody caught fail that batch; process.abort, signals and native crashes end the host',
  },
  variables: { held: 'always', how: 'the allowed ones' },
  output: { held: 'mostly', how: "as in a process; what is written straight to a file descriptor is the host's own" },
  leftovers: { held: 'no', how: 'processes that a function started go on; threads of a host end with it' },
}

export const threads: CarrierKind = {
  killed: 'its thread was ended',
  killWaitMs: WEDGED_AFTER_MS,
  sendsAhead: () => true,
  start: parts => startThread(parts),
}

/** What a thread is given beside its messages. */
export interface ThreadData {
  /** Two words: the last request that has begun, and the last that was recalled (process/begin-mark.ts). */
  readonly mark: SharedArrayBuffer
  readonly compileCacheDir: string | undefined
  /** By the monotonic clock, which threads of a process share. */
  readonly startedMs: number
  /** The path of the runtime. */
  readonly runtime: string
}

/**
 * Plain JavaScript, so that nothing has to be compiled, nor its types taken off, before there is a cache of what was: that
 * alone would cost a thread half of its start and most of its memory.
 */
const BOOT = `const { workerData } = require('node:worker_threads')
if (workerData.compileCacheDir !== undefined) require('node:module').enableCompileCache(workerData.compileCacheDir)
require(workerData.runtime)`

const startThread = ({ spec, place, clock, log, output, onMessage }: CarrierParts): Carrier => {
  refuseWhenWedged(spec)
  const mark = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
  const runtime = runtimeFile(import.meta.url, 'worker', 'any')
  const workerData: ThreadData = {
    mark: mark.buffer,
    compileCacheDir: compileCacheDir(),
    startedMs: systemClock.monotonic(),
    runtime,
  }
  const worker = new Worker(BOOT, {
    eval: true,
    name: place.environment,
    workerData,
    env: environmentVariables(spec, place, process.env),
    execArgv: [...spec.nodeOptions],
    resourceLimits: { maxOldGenerationSizeMb: heapMb(spec.memoryMb), maxYoungGenerationSizeMb: YOUNG_MB },
    stdout: true,
    stderr: true,
  })
  const printed = { 1: output.liner('info'), 2: output.liner('warn') }
  worker.on('message', (message: Posted) => {
    const [kind, fd, text] = message
    if (kind === MESSAGE.printed) printed[fd === 1 ? 1 : 2].write(text)
    else onMessage(received(message))
  })
  // What is written before the runtime has taken over, which is what Node itself has to say.
  output.attach(worker.stdout, 'info')
  output.attach(worker.stderr, 'warn')

  let gone = false
  let ending = false
  const ended = endOf(worker).then(exit => {
    gone = true
    noteFreed(place.environment)
    printed[1].end()
    printed[2].end()
    return exit
  })
  const kill = (): void => {
    if (ending || gone) return
    ending = true
    void worker.terminate()
    const cancel = clock.after(WEDGED_AFTER_MS, () => {
      // It is nothing that the host should wait for when it has nothing else to do.
      worker.unref()
      noteWedged(spec.name, place.environment)
      log.error(
        `functions.${spec.name}: its thread runs on ${WEDGED_AFTER_MS} ms after it was ended, and cannot be forced: it keeps a core ` +
          "and its memory, and this process may not end by itself. Write isolation: 'process' for this function",
      )
    })
    void ended.then(cancel)
  }
  return {
    from: 'new',
    send: (kind, id, header, bodies) => post(worker, kind, id, header, bodies),
    request: (id, how, header, bodies) =>
      post(worker, how === 'only' ? MESSAGE.invokeOnly : MESSAGE.invoke, id, header, bodies),
    kill,
    ended,
    begun: () => Atomics.load(mark, 0),
    recall(upTo) {
      Atomics.store(mark, 1, upTo)
      return Atomics.load(mark, 0)
    },
    untouched: () => false,
    memoryMb: () => undefined,
    forget() {},
  }
}

const endOf = (worker: Worker): Promise<Exit> =>
  new Promise(resolve => {
    let end: Pick<Exit, 'uncaught' | 'outOfMemory'> = {}
    worker.once('error', thrown => {
      const uncaught = errorInfo(thrown)
      end = uncaught.code === 'ERR_WORKER_OUT_OF_MEMORY' ? { outOfMemory: 'heap' } : { uncaught }
    })
    worker.once('exit', code => resolve({ code, signal: null, problem: undefined, ...end }))
  })
