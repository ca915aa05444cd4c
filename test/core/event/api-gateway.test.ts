import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HttpRequest, toApiGatewayV2 } from '../../../core/event/lambda/api-gateway.ts'
import { readApiGatewayV2Answer } from '../../../core/event/lambda/api-gateway-answer.ts'
import type { RequestAnswer } from '../../../core/request-contract.ts'

const event = (change: Partial<HttpRequest>) =>
  toApiGatewayV2({
    id: 'r',
    method: 'GET',
    path: '/',
    query: '',
    headers: [],
    body: null,
    route: '$default',
    protocol: 'HTTP/1.1',
    sourceIp: '127.0.0.1',
    time: 0,
    ...change,
  })

test('a bare request has no more members than AWS gives it', () => {
  const bare = event({})
  assert.deepEqual(Object.keys(bare), [
    'version',
    'routeKey',
    'rawPath',
    'rawQueryString',
    'headers',
    'requestContext',
    'isBase64Encoded',
  ])
  assert.equal(bare.isBase64Encoded, false)
})

const BODIES: readonly (readonly [
  contentType: string | undefined,
  body: Uint8Array,
  becomes: string,
  encoded: boolean,
])[] = [
  ['application/json; charset=utf-8', Buffer.from('{"a":"ä"}'), '{"a":"ä"}', false],
  ['application/problem+json', Buffer.from('{}'), '{}', false],
  ['text/csv', Buffer.from('a,b'), 'a,b', false],
  ['application/x-www-form-urlencoded', Buffer.from('a=b'), 'YT1i', true],
  ['image/png', Buffer.from('text'), 'dGV4dA==', true],
  ['application/json', Uint8Array.of(0xff), '/w==', true],
  [undefined, Buffer.from('text'), 'text', false],
  [undefined, Uint8Array.of(0xff), '/w==', true],
]

for (const [contentType, body, becomes, encoded] of BODIES)
  test(`a body of ${contentType ?? 'no type'} and bytes ${Buffer.from(body).toString('hex')} is ${encoded ? 'base64' : 'text'}`, () => {
    const made = event({ body, headers: contentType === undefined ? [] : [['content-type', contentType]] })
    assert.deepEqual([made.body, made.isBase64Encoded], [becomes, encoded])
  })

test('an empty body is none', () => {
  assert.ok(!('body' in event({ body: new Uint8Array() })))
})

test('cookies of several headers are one list, and are in no other', () => {
  const made = event({
    headers: [
      ['Cookie', 'a=1; b=2;'],
      ['cookie', 'c=3'],
    ],
  })
  assert.deepEqual([made.cookies, made.headers], [['a=1', 'b=2', 'c=3'], {}])
})

test('a query is decoded in its parameters and as it was sent beside them, whatever was sent', () => {
  const made = event({ query: 'a=1&a=%C3%A4&b&%=%&__proto__=x' })
  assert.equal(made.rawQueryString, 'a=1&a=%C3%A4&b&%=%&__proto__=x')
  assert.deepEqual(Object.entries(made.queryStringParameters as object), [
    ['a', '1,ä'],
    ['b', ''],
    ['%', '%'],
    ['__proto__', 'x'],
  ])
})

const responseTo = (value: unknown): RequestAnswer => {
  const answer = readApiGatewayV2Answer(value)
  assert.ok(answer.problem === undefined, answer.problem)
  return answer.response
}

const told = (value: unknown): string => {
  const { status, headers, body, isBase64 } = responseTo(value)
  const text = isBase64 ? Buffer.from(body, 'base64') : body
  return [status, ...headers.map(([name, value]) => `${name}: ${value}`), `| ${text}`].join(' ')
}

const JSON_TYPE = 'content-type: application/json'
const TEXT_TYPE = 'content-type: text/plain;charset=UTF-8'

const ANSWERS: readonly (readonly [rule: string, value: unknown, response: string])[] = [
  ['an object without statusCode is the body', { id: 7 }, `200 ${JSON_TYPE} | {"id":7}`],
  ['so is a list', [1], `200 ${JSON_TYPE} | [1]`],
  ['a text is the body as it is', 'hi', `200 ${JSON_TYPE} | hi`],
  ['nothing is null', null, `200 ${JSON_TYPE} | null`],
  ['a status alone has an empty body', { statusCode: 204 }, `204 ${TEXT_TYPE} | `],
  ['a status may be text', { statusCode: '404', body: 'no' }, `404 ${TEXT_TYPE} | no`],
  [
    'names of headers are lower-case, scalars are text',
    { statusCode: 200, headers: { 'X-Count': 2, ETag: 'a', 'X-Yes': true } },
    `200 ${TEXT_TYPE} x-count: 2 etag: a x-yes: true | `,
  ],
  [
    'a content type is kept',
    { statusCode: 200, headers: { 'Content-Type': 'text/html' }, body: '<p>' },
    '200 content-type: text/html | <p>',
  ],
  [
    'each cookie is a header',
    { statusCode: 200, cookies: ['a=1', 'b=2; Secure'] },
    `200 ${TEXT_TYPE} set-cookie: a=1 set-cookie: b=2; Secure | `,
  ],
  [
    'base64 is decoded when it says so',
    { statusCode: 200, body: 'aGk=', isBase64Encoded: true },
    `200 ${TEXT_TYPE} | hi`,
  ],
  ['and only then', { statusCode: 200, body: 'aGk=', isBase64Encoded: 'true' }, `200 ${TEXT_TYPE} | aGk=`],
  [
    'null members are as if left out',
    { statusCode: 200, headers: null, cookies: null, body: null },
    `200 ${TEXT_TYPE} | `,
  ],
  [
    'where a response ends is not the function’s to say',
    {
      statusCode: 200,
      headers: { 'Content-Length': '99', 'Transfer-Encoding': 'chunked', connection: 'close' },
      body: 'x',
    },
    `200 ${TEXT_TYPE} | x`,
  ],
]

for (const [rule, value, response] of ANSWERS)
  test(rule, () => {
    assert.equal(told(value), response)
  })

const PROBLEMS: readonly (readonly [value: unknown, says: RegExp])[] = [
  [{ statusCode: 'ok' }, /statusCode must be a number from 200 to 599, got "ok"/],
  [{ statusCode: null }, /statusCode .*got null/],
  [{ statusCode: 199 }, /got 199/],
  [{ statusCode: 200.5 }, /got 200\.5/],
  [{ statusCode: [200] }, /got \[200\]/],
  [{ statusCode: 200, body: { a: 1 } }, /body must be a text; write objects with JSON\.stringify, got \{"a":1\}/],
  [{ statusCode: 200, headers: ['a'] }, /headers must be an object, got \["a"\]/],
  [{ statusCode: 200, headers: { a: ['b'] } }, /headers\.a must be/],
  [{ statusCode: 200, headers: { 'x-a': 'b\r\nset-cookie: c' } }, /headers\.x-a must be .*on one line/],
  [{ statusCode: 200, headers: { 'x a': 'b' } }, /names of headers, got "x a"/],
  [{ statusCode: 200, cookies: 'a=1' }, /cookies must be a list of texts, got "a=1"/],
  [{ statusCode: 200, cookies: ['a=1', 'b\n'] }, /cookies\[1\] must be/],
]

for (const [value, says] of PROBLEMS)
  test(`${JSON.stringify(value)} is no answer`, () => {
    assert.match(readApiGatewayV2Answer(value).problem ?? '', says)
  })
