/** A process as a carrier: a group of its own, frames over a socketpair, killed by SIGKILL whatever it is doing. */
import type { Duplex } from 'node:stream'
import { errorInfo } from '../../errors.ts'
import type { Enforces } from '../environment.ts'
import type { Carrier, CarrierKind, CarrierParts } from '../hosting/carrier.ts'
import type { Confinement, Limits } from '../limits/limits.ts'
import { MESSAGE } from '../wire/message.ts'
import { openBeginMark } from './begin-mark.ts'
import { frameReader } from './frames.ts'
import { holdProcess, spawnOr } from './held.ts'
import type { Reaper } from './reaper.ts'
import { createSendWindow, maxFrameBytes } from './said.ts'
import { spawnEnvironment } from './spawn.ts'
import { frameWriter } from './writer.ts'

export const PROCESS_ENFORCES: Enforces = {
  timeout: { held: 'always', how: 'kills the process group' },
  memory: {
    held: 'always',
    how: "V8's heap limit, private memory sampled every 10 to 100 ms on Linux, and a cgroup where one may be made",
  },
  crash: { held: 'always', how: 'a failure of that batch, whatever ended the process' },
  variables: { held: 'always', how: 'the allowed ones' },
  output: { held: 'always', how: 'to the log, and the last 100 lines in the report' },
  leftovers: { held: 'always', how: 'what a function started is killed with it, and with the host' },
}

export const processes = (reaper: Reaper, limits: Limits): CarrierKind => ({
  killed: 'its process was killed',
  // What SIGKILL does not end hangs in the kernel.
  killWaitMs: 1_000,
  start: parts => startProcess(parts, reaper, limits),
})

const startProcess = (
  { spec, place, clock, output, onMessage }: CarrierParts,
  reaper: Reaper,
  limits: Limits,
): Carrier => {
  const confinement = limits.confine({ id: place.environment, memoryMb: spec.memoryMb })
  const mark = openBeginMark()
  const child = spawnOr(
    () => {
      mark.close()
      confinement.leave()
    },
    () => spawnEnvironment(spec, place, mark, confinement.folder),
  )
  const socket = child.stdio[3] as Duplex
  let problem: string | undefined
  const held = holdProcess(child, { clock, output, confinement, reaper })
  const writer = frameWriter(socket)
  const sends = createSendWindow(socket)
  const work = workOf(confinement)
  const read = frameReader(maxFrameBytes, 'lasting', message => {
    if (message.kind === MESSAGE.ready) confinement.ready()
    else if (message.kind === MESSAGE.send) sends.asked(message)
    else if (ANSWERS.has(message.kind)) work.done()
    onMessage(message)
  })
  socket.on('data', (chunk: Buffer) => {
    if (problem !== undefined) return
    try {
      read(chunk)
    } catch (thrown) {
      problem = `it wrote something to fd 3 that is no frame (${errorInfo(thrown).message}); fd 3 is the runtime's`
      held.kill()
    }
  })
  // EPIPE or ECONNRESET: the process has ended, and `ended` tells so with more to say.
  socket.on('error', () => {})
  // No code of the user is loaded before the limits hold; starting Node takes longer than setting them.
  void held.entered.then(writer.open)

  return {
    send(kind, id, header) {
      if (kind === MESSAGE.sent) sends.settled(id)
      writer.write(kind, id, header)
    },
    request(id, header, bodies) {
      work.given()
      writer.write(MESSAGE.invoke, id, header, bodies)
    },
    kill: held.kill,
    ended: held.ended.then(exit => (problem === undefined ? exit : { ...exit, problem })),
    begun: mark.read,
    memoryMb: held.memoryMb,
    forget() {
      held.forget()
      mark.close()
    },
  }
}

/** CPU is limited from the end of Init on, and only looked at while something runs. */
const workOf = (confinement: Confinement): { given(): void; done(): void } => {
  let requests = 0
  return {
    given() {
      if (requests === 0) confinement.busy()
      requests += 1
    },
    done() {
      requests -= 1
      if (requests === 0) confinement.idle()
    },
  }
}

const ANSWERS: ReadonlySet<number> = new Set([MESSAGE.answered, MESSAGE.failed, MESSAGE.mismatch])
