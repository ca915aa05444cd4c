import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERROR_CODES } from '../core/errors.ts'
import { type SourceFile, sourcesIn } from './support/sources.ts'

const LEAVES = [
  'contract',
  'request-contract',
  'dead-letters',
  'idempotency-store',
  'errors',
  'clock',
  'log',
  'values',
  'database',
  'owner',
  'reconnect',
  'bag',
  'polling',
  'members',
  'postgres',
  'postgres-failure',
  'slots',
  'config/secret',
].map(name => `core/${name}.ts`)
/** What a connector needs to say of its channels. */
const CHANNEL_FILES = [
  ...['channel', 'channel-value', 'secret', 'option', 'duration'].map(name => `core/config/${name}.ts`),
  // For what users write to a channel by a client of their own.
  'core/event/encode.ts',
  'core/function/context.ts',
]
/** The files that put the rooms together: the app with its parts, and what hands them to people. */
const KNOW_ALL =
  /^core\/(?:(?:app|app-contract|connections|connectors|adoption|letters|letters-contract|letters-edit|letter-store|letter-alerts|mappings|rooms|index)\.ts$|cli\/|testing\/)/
/** Where the wall clock and timers come from, and where chance enters to be passed on. */
const MAY_REACH: Readonly<Record<string, RegExp>> = {
  'core/clock.ts': /./,
  'core/app.ts': /^Math\.random$/,
}
const MAX_LINES = 300

const sources = sourcesIn('core', 'connectors', 'dlq')
const tests = sourcesIn('test')
const isOurs = (path: string): boolean => /^(core|connectors|dlq|test|examples)\//.test(path)
const roomOf = (path: string): string =>
  path
    .split('/')
    .slice(0, path.startsWith('connectors/') ? 2 : 1)
    .join('/')

interface ImportRule {
  readonly sentence: string
  readonly holdsFor: (file: SourceFile) => boolean
  readonly allows: (imported: string, file: SourceFile) => boolean
}

const RULES: readonly ImportRule[] = [
  {
    sentence:
      'contract, dead-letters, errors, clock, log, values, database, postgres, owner and reconnect import nothing of ours but each other',
    holdsFor: ({ path }) => LEAVES.includes(path),
    allows: imported => LEAVES.includes(imported),
  },
  {
    sentence: 'a connector imports the leaves, the channel types and its own folder: no flow, no other connector',
    holdsFor: ({ path }) => path.startsWith('connectors/'),
    allows: (imported, { path }) =>
      LEAVES.includes(imported) || CHANNEL_FILES.includes(imported) || roomOf(imported) === roomOf(path),
  },
  {
    sentence: 'dead letters import the leaves and their own folder',
    holdsFor: ({ path }) => path.startsWith('dlq/'),
    allows: (imported, { path }) => LEAVES.includes(imported) || roomOf(imported) === roomOf(path),
  },
  {
    sentence: 'the flow knows the leaves, itself and core/engine/contract.ts: no connector, no store, no engine inside',
    holdsFor: ({ path }) => path.startsWith('core/flow/'),
    allows: imported =>
      !/^(connectors|dlq)\//.test(imported) &&
      (!imported.startsWith('core/engine/') || imported === 'core/engine/contract.ts'),
  },
  {
    sentence: 'the engine imports no flow, no connector and no store',
    holdsFor: ({ path }) => path.startsWith('core/engine/'),
    allows: imported => !/^(connectors|dlq|core\/flow)\//.test(imported),
  },
  {
    sentence: 'of the core, only the app, the command line and the testing door know connectors and stores',
    holdsFor: ({ path }) => path.startsWith('core/') && !KNOW_ALL.test(path),
    allows: imported => !/^(connectors|dlq)\//.test(imported),
  },
  {
    sentence: 'nothing that is published imports a test or an example',
    holdsFor: () => true,
    allows: imported => !/^(test|examples)\//.test(imported),
  },
]

const brokenBy = ({ sentence, holdsFor, allows }: ImportRule): readonly string[] =>
  sources
    .filter(holdsFor)
    .flatMap(file =>
      file.imports
        .filter(imported => isOurs(imported) && !allows(imported, file))
        .map(imported => `${sentence}: ${file.path} imports ${imported}`),
    )

for (const rule of RULES)
  test(rule.sentence, () => {
    assert.ok(sources.some(rule.holdsFor), 'the rule is about files that exist')
    assert.deepEqual(brokenBy(rule), [])
  })

test('an example imports the package by its published name', () => {
  const reaching = sourcesIn('examples').flatMap(({ path, imports }) =>
    imports
      .filter(imported => isOurs(imported) && !imported.startsWith('examples/'))
      .map(to => `${path} imports ${to}`),
  )
  assert.deepEqual(reaching, [])
})

const findings = (files: readonly SourceFile[], pattern: RegExp, part: 'code' | 'text'): readonly string[] =>
  files.flatMap(file => [...file[part].matchAll(pattern)].map(([found]) => `${file.path}: ${found.trim()}`))

test('time, chance and output are passed in: no clock, timer, Math.random or console outside core/clock.ts', () => {
  const reaching =
    /(?<![\w.])(?:Date\.now|performance\.now|setTimeout|setInterval|Math\.random|new Date\(\)|console\.)/g
  const reached = sources.flatMap(({ path, code }) =>
    [...code.matchAll(reaching)].filter(([word]) => !MAY_REACH[path]?.test(word)).map(([word]) => `${path}: ${word}`),
  )
  assert.deepEqual(reached, [])
})

test('nothing has the type any', () => {
  assert.deepEqual(findings([...sources, ...tests], /(?:[:<|&]\s*|\bas\s+)any\b(?!\w|')/g, 'code'), [])
})

test('nothing is left for later', () => {
  const later = new RegExp(['TO', 'DO|FIX', 'ME|\\bfor ', 'now\\b'].join(''), 'g')
  assert.deepEqual(findings([...sources, ...tests], later, 'text'), [])
})

test(`a file is read at one sitting: no source has more than ${MAX_LINES} lines, half have fewer than 150`, () => {
  const lengths = sources.map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
  assert.deepEqual(
    lengths.filter(({ lines }) => lines > MAX_LINES),
    [],
  )
  const median = lengths.map(({ lines }) => lines).sort((one, other) => one - other)[Math.floor(lengths.length / 2)]
  assert.ok(median !== undefined && median < 150, `the median is ${median}`)
})

test('every error code is used', () => {
  const code = sources
    .filter(({ path }) => path !== 'core/errors.ts')
    .map(file => file.code)
    .join('\n')
  assert.deepEqual(
    Object.keys(ERROR_CODES).filter(name => !code.includes(`'${name}'`)),
    [],
  )
})
