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

/** Takes the host's `rehearse` messages, while there are no requests. */
export const createRehearsal = (port: Pick<HostPort, 'write' | 'markBegun'>): ((message: Message) => void) => {
  const { receive } = createTurns({
    write: (_kind, id, header, bodies) => port.write(MESSAGE.rehearsed, id, header, bodies),
    // That no request has begun: what is there already.
    markBegun: () => port.markBegun(0),
    isRecalled: () => false,
    place: PLACE,
    timeoutMs: 0,
    loaded: FUNCTION,
    log: silentLog,
    offerKeys: createKeys(
      () => NAME,
      () => {},
    ).offer,
    pieces: createPieces(() => {}),
    send: () => Promise.resolve(),
  })
  return receive
}
