/**
 * The environment's part in a rehearsal: the whole way of a request, but for a function of ours, and an answer that counts for
 * nothing. Nothing of the user's runs, and nothing of it can be seen by what does.
 */
import { silentLog } from '../../log.ts'
import { MESSAGE, type Message } from '../wire/message.ts'
import type { Place } from './context.ts'
import { createKeys } from './keys.ts'
import type { LoadedFunction } from './load.ts'
import { createPieces } from './pieces.ts'
import type { HostPort } from './serve.ts'
import { createTurns } from './turns.ts'

const NAME = 'rehearsal'

const PLACE: Place = {
  app: NAME,
  functionName: NAME,
  version: NAME,
  memoryMb: 0,
  environment: NAME,
  initialization: 'on-demand',
}

/** It does what most do: waits for something, and answers with an object. */
const FUNCTION: LoadedFunction = {
  name: NAME,
  handle: async batch => {
    const records = await (batch as readonly unknown[])
    return { count: records.length }
  },
  mark: undefined,
  shutdown: undefined,
  beforeSnapshot: undefined,
  afterRestore: undefined,
  decoders: new Map(),
}

/** 32 KB, and so often that it comes to two of the nurseries that V8 begins with. */
const GARBAGE_WORDS = 4_096
const MOST_GARBAGE = 64

/**
 * Has V8 collect what Init left behind, by filling its nursery: otherwise it comes to that with one of the first requests, for
 * as long as a request itself takes.
 */
const collectGarbage = (): void => {
  const { getHeapSpaceStatistics } = process.getBuiltinModule('node:v8')
  const youngBytes = (): number =>
    getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_used_size ?? 0
  let beforeBytes = youngBytes()
  for (let made = 0; made < MOST_GARBAGE; made += 1) {
    void new Array(GARBAGE_WORDS).fill(0)
    const nowBytes = youngBytes()
    if (nowBytes < beforeBytes) return
    beforeBytes = nowBytes
  }
}

/** Takes the host's `rehearse` messages, while there are no requests. */
export const createRehearsal = (port: Pick<HostPort, 'write' | 'markBegun'>): ((message: Message) => void) => {
  const turns = createTurns({
    write: (_kind, id, header, bodies) => port.write(MESSAGE.rehearsed, id, header, bodies),
    // That no request has begun: what is there already.
    markBegun: () => port.markBegun(0),
    isRecalled: () => false,
    place: PLACE,
    timeoutMs: 0,
    log: silentLog,
    offerKeys: createKeys(
      () => NAME,
      () => {},
    ).offer,
    pieces: createPieces(() => {}),
    send: () => Promise.resolve(),
  })
  turns.open(FUNCTION)
  let begun = false
  return message => {
    // Before the first: the others then use what of the nursery the first requests will use.
    if (!begun) collectGarbage()
    begun = true
    turns.receive(message)
  }
}
