import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { collectStreamed } from '../../../../core/engine/runtime/streamed-answer.ts'
import {
  callStreaming,
  HTTP_STREAM,
  provideAwslambda,
  type ResponseStream,
  type StreamingHandler,
} from '../../../../core/engine/runtime/streaming.ts'
import { readApiGatewayV2Answer } from '../../../../core/event/lambda/api-gateway-answer.ts'
import type { FunctionContext } from '../../../../core/function/context.ts'

const scope: NonNullable<Parameters<typeof provideAwslambda>[0]> = {}
provideAwslambda(scope)
const { awslambda } = scope
assert.ok(awslambda)

const CONTEXT = {} as FunctionContext

const streaming = (
  write: (stream: ResponseStream) => unknown,
  options?: { readonly highWaterMark: number },
): StreamingHandler =>
  awslambda.streamifyResponse(
    async (_event: unknown, stream: ResponseStream) => write(stream),
    options,
  ) as StreamingHandler

const collected = (write: (stream: ResponseStream) => unknown): Promise<unknown> =>
  collectStreamed(streaming(write), {}, CONTEXT)

const PRELUDE = { statusCode: 201, headers: { 'x-a': 1 }, cookies: ['a=1'] }

test('a stream for HTTP, collected, is an answer to HTTP', async () => {
  const answer = await collected(stream => {
    const http = awslambda.HttpResponseStream.from(stream, PRELUDE)
    http.write('one ')
    http.end('two')
  })
  assert.deepEqual(answer, { ...PRELUDE, body: 'one two', isBase64Encoded: false })
  const { response } = readApiGatewayV2Answer(answer) as { response: { status: number } }
  assert.equal(response.status, 201)
})

test('a stream for HTTP without a body has status and headers all the same, and bytes that are no text are base64', async () => {
  const empty = await collected(stream => awslambda.HttpResponseStream.from(stream, PRELUDE).end())
  assert.deepEqual(empty, { ...PRELUDE, body: '', isBase64Encoded: false })
  const bytes = await collected(stream => awslambda.HttpResponseStream.from(stream, {}).end(Uint8Array.of(0xff, 0)))
  assert.deepEqual(bytes, { body: '/wA=', isBase64Encoded: true })
})

for (const [what, content] of [
  ['nothing before it', '{"statusCode":200}'],
  ['no object before it', `7${'\0'.repeat(8)}body`],
] as const)
  test(`a stream that only says it is for HTTP, with ${what}, is no answer`, async () => {
    const answer = collected(stream => {
      stream.setContentType(HTTP_STREAM)
      stream.end(content)
    })
    await assert.rejects(answer, /without what comes first in it.*HttpResponseStream\.from/)
  })

test('the handler waits for whoever takes its answer', async () => {
  const taken: string[] = []
  let takeOn = (): void => {}
  const called = callStreaming(
    streaming(
      async stream => {
        for (const part of ['a', 'b', 'c'])
          if (!stream.write(part)) await new Promise(resolve => stream.once('drain', resolve))
        stream.end()
      },
      { highWaterMark: 1 },
    ),
    {},
    CONTEXT,
    {
      begin: type => void taken.push(`begin ${type}`),
      write(chunk) {
        taken.push(String(chunk))
        return new Promise(resolve => {
          takeOn = resolve
        })
      },
    },
  )
  for (const expected of ['begin undefined a', 'begin undefined a b', 'begin undefined a b c']) {
    await turn()
    assert.equal(taken.join(' '), expected)
    takeOn()
    await turn()
  }
  await called
})

test('what AWS already provides is left as it is', () => {
  const theirs = { awslambda }
  provideAwslambda(theirs)
  assert.equal(theirs.awslambda, awslambda)
})
