import { setTimeout as pause } from 'node:timers/promises'
import type { FunctionContext, FunctionRequest } from 'millrace'

const PIECE = new Uint8Array(100_000)

async function* large() {
  for (let piece = 0; piece < 200; piece += 1) yield PIECE
}
async function* breaks() {
  yield PIECE
  await pause(10)
  throw new Error('it breaks off')
}
async function* ticks() {
  for (let tick = 0; ; tick += 1) {
    yield Buffer.from(`tick ${tick}\n`)
    await pause(20)
  }
}

const BODIES: Readonly<Record<string, () => AsyncIterable<Uint8Array>>> = { large, breaks, ticks }

export const handler = ({ params }: FunctionRequest, _context: FunctionContext) =>
  new Response(ReadableStream.from(BODIES[params.what ?? '']?.() ?? []) as ReadableStream<Uint8Array>)
