/** Where Redis is, and what its refusals mean. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answeredWith, redisError } from '../../../connectors/redis/failure.ts'
import { mustBeNewEnough, versionIn } from '../../../connectors/redis/server.ts'
import { addressOf, type RedisOptions } from '../../../connectors/redis/settings.ts'
import { MillraceError } from '../../../core/errors.ts'

const LOGIN = { connectionName: 'millrace-shop' }

const addresses: readonly (readonly [what: string, options: RedisOptions, expected: unknown])[] = [
  ['nothing is said', {}, { kind: 'server', login: LOGIN, url: undefined, at: { host: 'localhost', port: 6379 } }],
  [
    'a URL is given',
    { url: 'rediss://cache:7000/2', username: 'ann', password: 'secret', db: 3 },
    {
      kind: 'server',
      login: { ...LOGIN, username: 'ann', password: 'secret', db: 3 },
      url: 'rediss://cache:7000/2',
      at: { host: 'localhost', port: 6379 },
    },
  ],
  [
    'nodes are given in one text',
    { nodes: 'a:7000, b,[::1]:7002', tls: { ca: 'PEM', rejectUnauthorized: true } },
    {
      kind: 'cluster',
      login: { ...LOGIN, tls: { ca: 'PEM', rejectUnauthorized: true } },
      nodes: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 6379 },
        { host: '::1', port: 7002 },
      ],
    },
  ],
  [
    'Sentinels are given',
    { sentinels: ['s1', 's2:26380'], master: 'main', sentinelPassword: 'watch', tls: true },
    {
      kind: 'sentinels',
      login: { ...LOGIN, tls: {} },
      sentinel: {
        name: 'main',
        sentinels: [
          { host: 's1', port: 26379 },
          { host: 's2', port: 26380 },
        ],
        sentinelPassword: 'watch',
        enableTLSForSentinelMode: true,
        sentinelTLS: {},
      },
    },
  ],
]

for (const [what, options, expected] of addresses)
  test(`where Redis is when ${what}`, () => assert.deepEqual(addressOf('shop', options), expected))

const refused: readonly (readonly [options: RedisOptions, message: RegExp])[] = [
  [{ url: 'redis://a', host: 'b' }, /^connections\.shop takes one of url, host, nodes and sentinels, got several$/],
  [{ url: 'http://a' }, /^connections\.shop\.url must be like 'redis:\/\/host:6379'/],
  [{ sentinels: 'a' }, /^connections\.shop needs sentinels and master together/],
  [{ master: 'a' }, /^connections\.shop needs sentinels and master together/],
  [{ nodes: 'a', db: 1 }, /^connections\.shop\.db must be 0 in a Cluster, got 1$/],
  [{ nodes: 'a:b:c' }, /^connections\.shop\.nodes must be host:port, several with commas between, got "a:b:c"$/],
  [{ nodes: ' , ' }, /^connections\.shop\.nodes must be host:port, several with commas between, got none$/],
]

for (const [options, message] of refused)
  test(`${JSON.stringify(options)} is no place for a Redis, and says why`, () =>
    assert.throws(() => addressOf('shop', options), { code: 'CONFIG_INVALID', fatal: true, message }))

test('a name that a client may not bear is made one that it may', () => {
  assert.equal(addressOf('my shop', {}).login.connectionName, 'millrace-my_shop')
})

const answers: readonly (readonly [answer: string, fatal: boolean, advice: RegExp])[] = [
  ['WRONGPASS invalid username-password pair or user is disabled.', true, /check username and password/],
  ['NOAUTH HELLO must be called with the client already authenticated', true, /check username and password/],
  ["NOPERM this user has no permissions to run the 'xreadgroup' command", true, /allow it by ACL SETUSER/],
  ["ERR The user executing the script can't run this command or subcommand script: f, on @user_script:4.", true, /ACL/],
  ["ERR ACL failure in script: User shop has no permissions to run the 'xreadgroup' command", true, /ACL SETUSER/],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', true, /check the name and the kind/],
  ["ERR unknown command 'XAUTOCLAIM', with args beginning with:", true, /needs Redis 6\.2 or newer/],
  ["OOM command not allowed when used memory > 'maxmemory'.", false, /raise maxmemory/],
  ["READONLY You can't write against a read only replica.", false, /takes no writes now/],
  ['LOADING Redis is loading the dataset in memory', false, /takes no writes now/],
  ['CLUSTERDOWN The cluster is down', false, /takes no writes now/],
  ['connect ECONNREFUSED 127.0.0.1:6379', false, /check url, nodes or sentinels/],
  ['Reached the max retries per request limit (which is 0).', false, /check url, nodes or sentinels/],
  ['something nobody has thought of', false, /thought of$/],
]

for (const [answer, fatal, advice] of answers)
  test(`what is to be done about: ${answer.slice(0, 40)}`, () => {
    const reading = redisError('SOURCE_FAILED', 'reading shop/clicks', new Error(answer))
    assert.deepEqual([reading.code, reading.fatal], [fatal ? 'SOURCE_FATAL' : 'SOURCE_FAILED', fatal])
    assert.ok(reading.message.startsWith(`reading shop/clicks: ${answer}`))
    assert.match(reading.message, advice)
    assert.equal(redisError('SETTLE_FAILED', 'settling', new Error(answer)).fatal, false, 'verdicts are kept')
  })

test('an answer to a script is told from where in the script it was, as servers before 7.0 say it', () => {
  const old = new Error(
    'ERR Error running script (call to f_8d8c1cf3263b89e33e1518847884fa15a2f378c5): @user_script:47: @user_script: 47: -NOGROUP No such key',
  )
  assert.ok(answeredWith(old, 'NOGROUP'))
  assert.equal(redisError('SOURCE_FAILED', 'reading', old).message, 'reading: NOGROUP No such key')
  const denied = new Error('ERR Error running script (call to f_1): @user_script:3: WRONGTYPE Operation')
  assert.equal(redisError('SOURCE_FAILED', 'reading', denied).fatal, true)
})

test('an error of ours keeps its code where it is the same, else it is the cause', () => {
  const ours = new MillraceError('SOURCE_FAILED', 'connecting to shop: no')
  assert.equal(redisError('SOURCE_FAILED', 'reading', ours), ours)
  const other = redisError('SEND_FAILED', 'sending to shop/clicks', ours)
  assert.deepEqual([other.code, other.cause], ['SEND_FAILED', ours])
})

for (const [info, expected, old] of [
  ['# Server\r\nredis_version:7.0.15\r\nredis_git_sha1:0\r\n', { title: 'Redis 7.0.15', redis: '7.0.15' }, false],
  ['redis_version:6.2.0\r\n', { title: 'Redis 6.2.0', redis: '6.2.0' }, false],
  ['redis_version:6.0.16\r\n', { title: 'Redis 6.0.16', redis: '6.0.16' }, true],
  ['redis_version:5.0.14\r\n', { title: 'Redis 5.0.14', redis: '5.0.14' }, true],
  ['redis_version:10.1.0\r\n', { title: 'Redis 10.1.0', redis: '10.1.0' }, false],
  [
    'redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n',
    { title: 'Valkey 9.1.2', redis: '7.2.4' },
    false,
  ],
] as const)
  test(`${expected.title} is ${old ? 'too old, and said so' : 'new enough'}`, () => {
    const version = versionIn(info)
    assert.deepEqual(version, expected)
    if (!old) return mustBeNewEnough('shop', version)
    const message = `shop: the server must be Redis 6.2 or newer, got ${expected.title}; use a newer one`
    assert.throws(() => mustBeNewEnough('shop', version), { code: 'SOURCE_FATAL', fatal: true, message })
  })

test('a server that does not say its version is taken for new enough', () => {
  assert.equal(versionIn('# Server\r\n'), undefined)
  mustBeNewEnough('shop', undefined)
})
