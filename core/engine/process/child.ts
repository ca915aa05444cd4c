/** The first module of an environment's process: the runtime over a socketpair. It ends with its host. */
import { flushCompileCache } from 'node:module'
import { serve } from '../runtime/serve.ts'
import { MESSAGE, type Message } from '../wire/message.ts'
import { enter } from './enter.ts'
import { openHostLink } from './host-link.ts'
import { isRecalled, markBegun, markLoading } from './mark-words.ts'
import { preload } from './preload.ts'
import { writeThrough } from './write-through.ts'

// Meant for Node, which has read it: not part of what a function sees, nor what it starts.
delete process.env.NODE_COMPILE_CACHE

writeThrough('stdout')
writeThrough('stderr')

/** What is not urgent. Environments are killed rather than ended, and Node writes its cache only when it ends. */
export const afterInit: (() => void)[] = [flushCompileCache]

const link = openHostLink(frame => receive(frame))
const serving = serve({
  write: link.write,
  markBegun,
  isRecalled,
  ageMs: () => process.uptime() * 1_000,
  afterInit: () => {
    for (const run of afterInit) run()
  },
})
const receive = (message: Message): void => {
  if (message.kind === MESSAGE.enter) enter(JSON.parse(message.header))
  else if (message.kind === MESSAGE.preload) preload()
  else {
    if (message.kind === MESSAGE.load) markLoading()
    serving(message)
  }
}
