/** A process as a carrier: a group of its own, frames over a socketpair, killed by SIGKILL whatever it is doing. */
import { errorInfo } from '../../errors.ts'
import type { FunctionSpec, ModuleCode } from '../contract.ts'
import type { Enforces } from '../environment.ts'
import type { Carrier, CarrierKind, CarrierParts } from '../hosting/carrier.ts'
import { environmentVariables } from '../hosting/start.ts'
import type { Confinement, Limits } from '../limits/limits.ts'
import { temporaryIn } from '../limits/workspace.ts'
import { taskRoot } from '../package/variables.ts'
import type { Place } from '../runtime/context.ts'
import { MESSAGE } from '../wire/message.ts'
import { startBlank } from './blank.ts'
import { type BlankKind, blankKindOf } from './blank-kind.ts'
import type { Entering } from './enter.ts'
import { frameReader } from './frames.ts'
import { attachOutput } from './held.ts'
import { checkPassable } from './passable.ts'
import type { Reaper } from './reaper.ts'
import { createSendWindow, maxFrameBytes } from './said.ts'
import type { Zygotes } from './zygotes.ts'

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

/** What processes of all functions share. */
export interface ProcessTools {
  readonly reaper: Reaper
  readonly limits: Limits
  readonly zygotes: Zygotes
}

export const processes = (tools: ProcessTools): CarrierKind => ({
  killed: 'its process was killed',
  // What SIGKILL does not end hangs in the kernel.
  killWaitMs: 1_000,
  // Its share of CPU is what it is held to once it is ready.
  sendsAhead: () => tools.limits.means.cpu === 'off',
  start: parts => startProcess(parts, tools),
})

/** What processes of this function have in common, as far as that is known before there is one. */
export const kindOfProcess = (spec: FunctionSpec, code: ModuleCode): BlankKind =>
  blankKindOf(spec, code, environmentVariables(spec, NO_PLACE, process.env))

const NO_PLACE: Place = {
  app: '',
  functionName: '',
  version: '',
  memoryMb: 0,
  environment: '',
  initialization: 'on-demand',
}

const startProcess = ({ spec, place, clock, output, onMessage }: CarrierParts, tools: ProcessTools): Carrier => {
  const { code } = spec
  if (!('file' in code)) throw new Error(`function ${spec.name} has no module to load`)
  const variables = environmentVariables(spec, place, process.env)
  checkPassable(spec.name, variables)
  const kind = blankKindOf(spec, code, variables)
  const ready = tools.zygotes.take(kind)
  const blank = ready ?? startBlank(kind, place.environment, { ...tools, clock })
  const { socket, held, writer, mark, confinement } = blank
  confinement.rename(place.environment)
  let problem: string | undefined
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
  socket.once('end', () => {
    const giveUp = (): void => {
      problem ??= "it closed fd 3, which is the runtime's"
      held.kill()
    }
    // One that has ended closed it too: of that the host hears next, however late it is itself.
    let cancel = clock.after(CLOSED_MS, () => {
      cancel = clock.after(1, giveUp)
    })
    void held.ended.then(() => cancel())
  })
  const folders = { folder: taskRoot(code), own: confinement.folder }
  const entering: Entering = kind.shareable
    ? { ...folders, variables: { TMPDIR: temporaryIn(folders.own), ...variables } }
    : folders
  writer.write(MESSAGE.enter, 0, JSON.stringify(entering))
  // Once what is to be written is written: it can begin meanwhile.
  queueMicrotask(() => attachOutput(blank.child, output))

  return {
    send(kind, id, header, bodies) {
      if (kind === MESSAGE.sent) sends.settled(id)
      writer.write(kind, id, header, bodies)
    },
    request(id, how, header, bodies) {
      work.given()
      writer.write(how === 'only' ? MESSAGE.invokeOnly : MESSAGE.invoke, id, header, bodies)
    },
    kill: held.kill,
    ended: held.ended.then(exit => (problem === undefined ? exit : { ...exit, problem })),
    begun: mark.read,
    recall: mark.recall,
    untouched: () => ready !== undefined && !mark.loading(),
    memoryMb: held.memoryMb,
    forget: blank.forget,
    from: ready ? 'zygote' : 'new',
  }
}

/** From its end of the socket to its own: more than what it printed may take to be read. */
const CLOSED_MS = 500

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

const ANSWERS: ReadonlySet<number> = new Set([MESSAGE.answered, MESSAGE.failed, MESSAGE.mismatch, MESSAGE.recalled])
