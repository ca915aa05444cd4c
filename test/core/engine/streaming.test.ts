/** Handlers that stream their answer: `awslambda.streamifyResponse`, in every isolation. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FunctionError, Invocation, Isolation } from '../../../core/engine/contract.ts'
import { channelSource, core, harness, outcomeAs } from './harness.ts'
import { inEveryIsolation } from './isolations.ts'

const QUEUE: Partial<Invocation> = { events: { format: 'lambda', place: 'embedded/queue', name: 'orders' } }

/** What a handler with this body came to: `nothing`, the ids it named, or its error. */
const streamed = async (
  context: Parameters<typeof harness>[0],
  isolation: Isolation,
  body: string,
  more = '',
): Promise<readonly string[] | FunctionError> => {
  const source = `import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
const failures = ids => JSON.stringify({ batchItemFailures: ids.map(itemIdentifier => ({ itemIdentifier })) })
export const handler = awslambda.streamifyResponse(async (event, stream, context) => { ${body} })
${more}`
  const { run } = await harness(context, { f: { source, isolation, extension: 'mjs' } })
  const { outcome } = await run('f', ['{}', '{}'], QUEUE)
  if (outcome.kind === 'failed') return outcome.error
  const value = outcomeAs({ outcome } as never, 'answered').value as {
    batchItemFailures?: { itemIdentifier: string }[]
  }
  return (value?.batchItemFailures ?? []).map(failure => failure.itemIdentifier)
}

const both = (
  what: string,
  body: string,
  becomes: readonly string[] | { readonly code?: string; readonly says: RegExp },
): void => {
  inEveryIsolation(what, async (context, isolation) => {
    const got = await streamed(context, isolation, body)
    if (!('says' in becomes)) return assert.deepEqual(got, becomes)
    assert.ok('message' in got, `it failed, but got ${JSON.stringify(got)}`)
    assert.match(got.message, becomes.says)
    assert.equal(got.code, becomes.code)
  })
}

both(
  'what was written in parts is one answer',
  "for (const part of failures(['r1']).match(/.{1,7}/g)) stream.write(part); stream.end()",
  ['r1'],
)
both('a stream that was piped is an answer', "await pipeline(Readable.from([failures(['r0'])]), stream)", ['r0'])
both('a stream of nothing is no answer', 'stream.end()', [])
both(
  'what is returned beside the stream counts for nothing',
  "stream.end(); return { batchItemFailures: [{ itemIdentifier: 'r0' }] }",
  [],
)
both(
  'the context is the third argument',
  'stream.end(failures([context.awsRequestId === "request-1" ? "r0" : "r1"]))',
  ['r0'],
)
both('another content type is no list of failures', "stream.setContentType('text/plain'); stream.end('hello')", [])
both('bytes that are not JSON are no answer', "stream.end('hello')", {
  code: 'FUNCTION_ANSWER_INVALID',
  says: /streamed 5 bytes that are not JSON/,
})
both('a stream that was not ended is no answer, whatever was written', 'stream.write(failures([]))', {
  code: 'FUNCTION_ANSWER_INVALID',
  says: /returned before it had ended its response stream; call responseStream\.end\(\)/,
})
both('a handler that throws after it wrote has failed', "stream.write('['); throw new TypeError('midway')", {
  says: /^midway$/,
})
both(
  'more than 6 MB is too much for a mapping',
  'await pipeline(Readable.from(Array(7).fill(Buffer.alloc(1048576, 32))), stream)',
  {
    code: 'FUNCTION_ANSWER_TOO_LARGE',
    says: /more than 6291456 bytes/,
  },
)

test('what onEvent makes of a streaming handler streams', async context => {
  const source = `import { onEvent } from ${core('function/on-event.ts')}
const q = ${channelSource('q')}
export const handler = onEvent(q, awslambda.streamifyResponse(async (event, stream) => {
  stream.end(JSON.stringify({ batchItemFailures: [{ itemIdentifier: event.Records[0].messageId }] }))
}))`
  const { run } = await harness(context, { f: { source } })
  assert.deepEqual(outcomeAs(await run('f', ['{}'], QUEUE), 'answered').value, {
    batchItemFailures: [{ itemIdentifier: 'r0' }],
  })
})
