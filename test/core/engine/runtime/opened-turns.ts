/** The requests of an environment of a test, without an environment. */
import assert from 'node:assert/strict'
import { createTurns, type Turns, type TurnsParts } from '../../../../core/engine/runtime/turns.ts'
import { silentLog } from '../../../../core/log.ts'

/** Of a function `f`, which is still to be opened. */
export const turnsOf = (parts: Pick<TurnsParts, 'write'> & Partial<TurnsParts>): Turns =>
  createTurns({
    markBegun: () => {},
    isRecalled: () => false,
    place: {
      app: 'test',
      functionName: 'f',
      version: '1',
      memoryMb: 128,
      environment: 'f-1',
      initialization: 'on-demand',
    },
    timeoutMs: 1_000,
    log: silentLog,
    pieces: { open: () => assert.fail('no answer is streamed'), close: () => {} },
    offerKeys: () => undefined,
    send: () => Promise.resolve(),
    ...parts,
  })
