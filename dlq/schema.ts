/**
 * The JSON Schema of an exported dead letter, which is published as `millrace/dead-letter.schema.json`, and a check by it.
 * The check knows just the words that this schema uses.
 */
import { LETTER_STATES } from './store.ts'

interface Schema {
  readonly $ref?: string
  readonly description?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly minItems?: number
  readonly maxItems?: number
}

const text = (description: string): Schema => ({ type: 'string', description })
const time = (description: string): Schema => ({ type: 'number', description: `${description}, ms since the epoch` })
const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description })
const value = (description: string): Schema => ({ description: `${description}; bytes are {"$bytes": "<base64>"}` })

const ERROR: Schema = {
  type: 'object',
  required: ['name', 'message'],
  properties: {
    name: text('the class of the error'),
    message: text('what it says'),
    code: text('its code, where it has one'),
    stack: text('where it was thrown'),
  },
}

const ATTEMPT: Schema = {
  type: 'object',
  required: ['number', 'at', 'error'],
  properties: {
    number: { type: 'integer', minimum: 1, description: 'counted from 1' },
    at: time('when it began'),
    durationMs: { type: 'number', minimum: 0, description: 'left out when it never ended' },
    environment: text('the environment that ran it'),
    error: { ...ERROR, description: 'why it failed' },
    logs: { type: 'array', items: text('a line'), description: 'the last lines of output' },
  },
}

const RECORD: Schema = {
  type: 'object',
  required: ['id', 'idStrength', 'source', 'time', 'key', 'headers', 'body'],
  properties: {
    id: text('unique in its source'),
    idStrength: { enum: ['stable', 'weak'], description: 'whether it is the same on every redelivery' },
    source: text('connection/channel'),
    time: { type: ['number', 'null'], description: 'by the clock of the source, ms since the epoch; null: unknown' },
    key: { type: ['string', 'object', 'null'], description: 'text, or bytes as {"$bytes": "<base64>"}' },
    headers: {
      type: 'array',
      description: 'pairs of name and value, in their order; a name may be repeated',
      items: { type: 'array', minItems: 2, maxItems: 2 },
    },
    properties: value('what the broker says beside headers: AMQP properties and the like'),
    body: { type: ['object', 'null'], description: '{"$bytes": "<base64>"}; null is a tombstone' },
    position: {
      type: 'object',
      description: 'where the source had it: topic, partition, offset; queue; stream id; slot',
    },
  },
}

export const DEAD_LETTER_SCHEMA: Schema & { readonly $schema: string; readonly $id: string; readonly title: string } = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'urn:millrace:dead-letter:1',
  title: 'Millrace dead letter, version 1',
  type: 'object',
  required: [
    'envelope',
    'id',
    'state',
    'replays',
    'mapping',
    'function',
    'group',
    'record',
    'reason',
    'error',
    'attempts',
    'firstSeen',
    'parkedAt',
  ],
  properties: {
    envelope: { type: 'integer', minimum: 1, description: 'the version of this form' },
    id: text('12 characters, sorted by the time of parking'),
    state: { enum: LETTER_STATES, description: 'where it is in its life' },
    fingerprint: text('equal for letters that failed in the same way'),
    replays: count('replays that failed again'),
    note: text('what somebody wrote to it'),
    kind: text('the technology the record came from: kafka, rabbitmq, redis, cron, embedded …'),
    mapping: text('the mapping that parked it'),
    group: text('the consumer group'),
    function: {
      type: 'object',
      description: 'which code failed',
      required: ['name', 'version'],
      properties: { name: text('the function that failed'), version: text('a hash of its code') },
    },
    record: { ...RECORD, description: 'the record, unchanged' },
    reason: {
      enum: ['exhausted', 'not-retryable', 'undecodable', 'invalid', 'expired', 'starved', 'crashed', 'parked'],
      description: 'the verdict',
    },
    error: { ...ERROR, description: 'the last failure' },
    attempts: {
      type: 'array',
      items: ATTEMPT,
      description: 'the failures charged to it; beyond 100 the middle ones are gone',
    },
    firstSeen: time('when a mapping first claimed it'),
    firstFailedAt: time('the first attempt'),
    lastFailedAt: time('the last attempt'),
    firstParkedAt: time('when it was parked first'),
    parkedAt: time('when it was parked last'),
    replayOf: text('the letter it was a replay of when it was parked last'),
    editOf: text('the letter whose edited copy it is'),
    adoptedFrom: text('the system that gave it up before it was adopted'),
    stops: text('the lane or key that stopped behind it'),
    history: {
      type: 'array',
      description: 'its replays that ended',
      items: {
        type: 'object',
        required: ['job', 'at', 'outcome'],
        properties: {
          job: text('the replay; empty for an edit'),
          at: time('when it ended'),
          outcome: { enum: ['resolved', 'failed'], description: 'how' },
          message: text('why it failed'),
          operator: text('who asked for it'),
          reason: text('why'),
        },
      },
    },
  },
}

/** The documentation's table: every field, those inside others below them. */
export const envelopeTable = (): string =>
  ['| field | what |', '|---|---|', ...rowsOf(DEAD_LETTER_SCHEMA, '')].join('\n')

const rowsOf = ({ properties = {}, items, required = [] }: Schema, path: string): readonly string[] => [
  ...Object.entries(properties).flatMap(([name, schema]) => {
    const at = join(path, name)
    const values = schema.enum ? ` (${schema.enum.join(', ')})` : ''
    const said = [schema.description ?? '', values, required.includes(name) ? '' : ' *'].join('')
    return [`| \`${at}\` | ${said.trim()} |`, ...rowsOf(schema, at)]
  }),
  ...(items ? rowsOf(items, `${path}[]`) : []),
]

/** What is wrong with it, by its path; undefined when it is as the schema says. */
export const problemOf = (json: unknown): string | undefined => check(json, DEAD_LETTER_SCHEMA, '')

const check = (json: unknown, schema: Schema, path: string): string | undefined => {
  const at = path === '' ? 'it' : path
  const types = [schema.type ?? []].flat()
  if (types.length > 0 && !types.some(type => isOf(json, type)))
    return `${at} must be ${types.join(' or ')}, got ${typeName(json)}`
  if (schema.enum && !schema.enum.includes(json)) return `${at} must be one of ${schema.enum.join(', ')}`
  if (schema.minimum !== undefined && typeof json === 'number' && json < schema.minimum)
    return `${at} must be ${schema.minimum} or more, got ${json}`
  if (Array.isArray(json)) return checkList(json, schema, path)
  return typeof json === 'object' && json !== null ? checkObject(json, schema, path) : undefined
}

const checkList = (list: readonly unknown[], { items, minItems = 0, maxItems }: Schema, path: string) => {
  if (list.length < minItems || list.length > (maxItems ?? Number.POSITIVE_INFINITY))
    return `${path} must have ${minItems} items, got ${list.length}`
  return items && firstOf(list.map((item, index) => () => check(item, items, `${path}[${index}]`)))
}

const checkObject = (object: object, { required = [], properties = {} }: Schema, path: string): string | undefined => {
  const missing = required.find(name => !Object.hasOwn(object, name))
  if (missing !== undefined) return `${join(path, missing)} is missing`
  return firstOf(
    Object.entries(properties).map(
      ([name, schema]) =>
        () =>
          Object.hasOwn(object, name)
            ? check((object as Readonly<Record<string, unknown>>)[name], schema, join(path, name))
            : undefined,
    ),
  )
}

const firstOf = (checks: readonly (() => string | undefined)[]): string | undefined => {
  for (const each of checks) {
    const problem = each()
    if (problem !== undefined) return problem
  }
  return undefined
}

const isOf = (json: unknown, type: string): boolean =>
  type === 'integer' ? Number.isInteger(json) : typeName(json) === type

const typeName = (json: unknown): string => (json === null ? 'null' : Array.isArray(json) ? 'array' : typeof json)

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)
