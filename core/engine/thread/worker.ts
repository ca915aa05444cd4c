/** The runtime of an environment over posted messages. */
import { flushCompileCache } from 'node:module'
import { StringDecoder } from 'node:string_decoder'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../clock.ts'
import { serve } from '../runtime/serve.ts'
import { MESSAGE, PRINTED_CHARS } from '../wire/message.ts'
import type { ThreadData } from './carrier.ts'
import { type Posted, post, received } from './port.ts'

const host = parentPort
if (!host) throw new Error('core/engine/thread/worker.ts is started by the engine, as a thread')
const { mark, startedMs } = workerData as ThreadData
const marked = new Int32Array(mark)

/**
 * A thread's own streams reach the host only while the thread comes back to its event loop: a handler that prints and
 * then loops would lose what it had printed. Posted at once, it arrives, and in its order among the answers; what is beyond
 * the host's allowance is not posted, because nothing slows a function down that prints without end.
 */
let printedChars = 0
const TOO_MUCH = '\nthe function printed more than a thread may in one invocation (4 MB); the rest is not shown\n'
const capture = (stream: NodeJS.WriteStream, fd: number): void => {
  const decoder = new StringDecoder('utf8')
  const print = (chunk: Uint8Array | string, _encoding: unknown, done: () => void): void => {
    if (printedChars <= PRINTED_CHARS) {
      const text = typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk))
      printedChars += text.length
      post(host, MESSAGE.printed, fd, text)
      if (printedChars > PRINTED_CHARS) post(host, MESSAGE.printed, fd, TOO_MUCH)
    }
    done()
  }
  Object.assign(stream, { _write: print, _writev: null })
}
capture(process.stdout, 1)
capture(process.stderr, 2)

/** What is not urgent. Environments are ended from outside, and Node writes its cache only when they end by themselves. */
export const afterInit: (() => void)[] = [flushCompileCache]

const receive = serve({
  write: (kind, id, header, bodies) => post(host, kind, id, header, bodies),
  markBegun: request => {
    printedChars = 0
    Atomics.store(marked, 0, request)
  },
  isRecalled: request => request <= Atomics.load(marked, 1),
  ageMs: () => systemClock.monotonic() - startedMs,
  afterInit: () => {
    for (const run of afterInit) run()
  },
})
host.on('message', (message: Posted) => receive(received(message)))
