/** What is wrong with routes, doors and their mappings is told when the configuration is checked. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { embedded } from '../../../connectors/embedded/channel.ts'
import { http } from '../../../connectors/http/channel.ts'
import { standardWebhooks } from '../../../connectors/http/webhooks/schemes.ts'
import { validateConfig } from '../../../core/config/validate.ts'
import { onRecord } from '../../../core/function/on-record.ts'
import { onRequest } from '../../../core/function/on-request.ts'

const api = http('api')
const quote = api.post('/quotes')
const orders = embedded().queue('orders')
const door = api.post('/in', { into: orders })
const fn = () => 1

const problems = (config: object): readonly string[] => {
  const validation = validateConfig({ name: 'shop', mappings: {}, ...config })
  return validation.ok ? [] : validation.problems.map(({ path, message }) => `${path} ${message}`)
}

const WRONG: readonly (readonly [what: string, config: object, says: RegExp])[] = [
  [
    'a batch of requests',
    { mappings: { a: { source: quote, function: fn, batchSize: 5 } } },
    /^mappings\.a\.batchSize is not for requests, which are tried once/,
  ],
  [
    'attempts of requests',
    { mappings: { a: { source: quote, function: fn, maxAttempts: 2 } } },
    /^mappings\.a\.maxAttempts is not for requests/,
  ],
  [
    'dead letters of requests',
    { mappings: { a: { source: quote, function: fn, deadLetters: { to: orders } } } },
    /^mappings\.a\.deadLetters is not for requests/,
  ],
  [
    'a door as a source',
    { mappings: { a: { source: door, function: fn } } },
    /^mappings\.a\.source is a door into local\/orders; name that channel here, and the door in doors/,
  ],
  ['a route as a door', { doors: [quote] }, /^doors\.0 must be a door/],
  ['a door among channels', { channels: [door] }, /^channels\.0 is a door into local\/orders/],
  [
    'dead letters to a route',
    { mappings: { a: { source: orders, function: fn, deadLetters: { to: quote } } } },
    /must be a channel that can be sent to, got api\/POST \/quotes/,
  ],
  [
    'a route for two',
    { mappings: { a: { source: quote, function: fn }, b: { source: quote, function: fn } } },
    /^mappings\.b\.source must not be api\/POST \/quotes, which mapping a answers already/,
  ],
  [
    'onRecord on a route',
    { mappings: { a: { source: quote, function: onRecord(orders, fn) } } },
    /takes requests; use onRequest, or a plain function/,
  ],
  [
    'onRequest on a queue',
    { mappings: { a: { source: orders, function: onRequest(quote, fn) } } },
    /is for channels of requests, and local\/orders has records/,
  ],
  [
    'a path without a slash',
    { mappings: { a: { source: api.get('orders'), function: fn } } },
    /\.path must be a path like '\/orders\/:id'/,
  ],
  [
    'a path with an expression',
    { mappings: { a: { source: api.get('/o/:id(\\d+)'), function: fn } } },
    /\.path must be a path/,
  ],
  ['a star in the middle', { mappings: { a: { source: api.get('/a/*/b'), function: fn } } }, /\.path must be a path/],
  [
    'credentials for everybody',
    { mappings: { a: { source: api.get('/', { cors: { origin: '*', credentials: true } }), function: fn } } },
    /\.cors must be false, or an object .*credentials need origins that are named/,
  ],
  [
    'an origin with a path',
    { mappings: { a: { source: api.get('/', { cors: { origin: 'https://a.example/x' } }), function: fn } } },
    /\.cors must be/,
  ],
  [
    'a proxy that is none',
    { mappings: { a: { source: http('b', { trustProxy: ['everybody'] }).get('/'), function: fn } } },
    /^connections\.b\.trustProxy must be a list of addresses or networks/,
  ],
  [
    'no secret',
    { doors: [api.post('/w', { into: orders, verify: standardWebhooks([]) })] },
    /\.verify must be what githubWebhooks/,
  ],
  [
    'a key that is kept for no time',
    { mappings: { a: { source: api.post('/', { idempotency: { ttl: '1ms' } }), function: fn } } },
    /\.idempotency must be an object/,
  ],
  [
    'an option there is not',
    { mappings: { a: { source: api.get('/', { timout: '1s' } as object), function: fn } } },
    /\.timout is not an option; did you mean timeout\?/,
  ],
]

for (const [what, config, says] of WRONG)
  test(`${what} is a problem`, () => {
    const found = problems(config)
    assert.equal(found.length, 1, found.join('\n'))
    assert.match(found[0] ?? '', says)
  })

test('what is right has no problems', () => {
  assert.deepEqual(
    problems({
      doors: [door],
      mappings: {
        a: { source: quote, function: fn, format: 'lambda', maxConcurrency: 5, maxInFlight: 1, drainTimeout: '1s' },
        b: { source: orders, function: fn },
        c: { source: api.any('/files/:kind/*'), function: fn },
      },
    }),
    [],
  )
})
