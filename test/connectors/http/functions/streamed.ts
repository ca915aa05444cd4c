import { setTimeout as pause } from 'node:timers/promises'

interface Stream {
  write(text: string): void
  end(text?: string): void
}
declare const awslambda: {
  streamifyResponse(handler: (event: unknown, stream: Stream) => unknown): unknown
  HttpResponseStream: { from(stream: Stream, prelude: unknown): Stream }
}

export const handler = awslambda.streamifyResponse(async (_event, raw) => {
  const stream = awslambda.HttpResponseStream.from(raw, { statusCode: 206, headers: { 'x-a': 'b' }, cookies: ['c=1'] })
  stream.write('one ')
  await pause(10)
  stream.end('two')
})
