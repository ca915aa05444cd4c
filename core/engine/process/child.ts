/** The first module of an environment's process: the runtime over a socketpair. It ends with its host. */
import { flushCompileCache } from 'node:module'
import { serve } from '../runtime/serve.ts'
import { MESSAGE, type Message } from '../wire/message.ts'
import { isRecalled, markBegun, markLoading } from './begin-mark.ts'
import { enter } from './enter.ts'
import { openHostLink } from './host-link.ts'
import { preloadBuiltins } from './preload.ts'

// Meant for Node, which has read it: not part of what a function sees, nor what it starts.
delete process.env.NODE_COMPILE_CACHE

/**
 * The pipes for output are sockets, on which Node queues in memory what they do not take: a handler that prints and then
 * loops would lose its last words, and one that prints without end its memory. Written through, it waits instead.
 */
for (const stream of [process.stdout, process.stderr])
  (stream as { _handle?: { setBlocking?(on: boolean): void } })._handle?.setBlocking?.(true)

const link = openHostLink(frame => receive(frame))
const serving = serve({
  write: link.write,
  markBegun,
  isRecalled,
  // Environments are killed rather than ended, and Node writes its cache only when it ends.
  afterInit: flushCompileCache,
})
const receive = (message: Message): void => {
  if (message.kind === MESSAGE.enter) enter(JSON.parse(message.header))
  else if (message.kind === MESSAGE.preload) preloadBuiltins()
  else {
    if (message.kind === MESSAGE.load) markLoading()
    serving(message)
  }
}
