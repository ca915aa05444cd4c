/** What options must be to one another. Everything that looks at more than one option stands here. */
import { formatDuration } from './duration.ts'
import type { ResolvedFunction } from './function-options.ts'
import { join } from './options.ts'
import type { Problem } from './problem.ts'
import type { ResolvedMapping } from './resolved.ts'
import { formatSize } from './size.ts'

/** `notice`: allowed, and said once at start. */
export type Finding = Problem & { readonly severity: 'problem' | 'notice' }

/** What a rule sees of a mapping: the result, and what was asked for in `read()`. */
export interface Candidate {
  readonly mapping: ResolvedMapping
  readonly asked: { readonly group: unknown; readonly start: unknown; readonly batchSize: unknown }
}

type Verdict = { readonly option: string; readonly message: string; readonly severity: Finding['severity'] } | false

type MappingRule = (candidate: Candidate) => Verdict

const RULES_OF_ALL: readonly MappingRule[] = [
  ({ mapping: { policy } }) =>
    policy.breaker.initialMs > policy.breaker.maxMs &&
    wrong(
      'breaker.initial',
      `must be at most breaker.max (${formatDuration(policy.breaker.maxMs)}), got ${formatDuration(policy.breaker.initialMs)}`,
    ),
]

const RULES_OF_RECORDS: readonly MappingRule[] = [
  ({ mapping: { policy } }) =>
    policy.batchSize > policy.maxInFlight &&
    wrong('batchSize', `must be at most maxInFlight (${policy.maxInFlight}), got ${policy.batchSize}`),
  ({ mapping, asked }) =>
    asked.batchSize !== undefined &&
    asked.batchSize !== mapping.policy.batchSize &&
    wrong(
      'batchSize',
      `must be 1, got ${asked.batchSize}: in format '${mapping.format}' an event of the ${mapping.channel.type} ${mapping.channel.address} is one record`,
    ),
  ({ mapping: { policy } }) =>
    policy.batchBytes > policy.maxInFlightBytes &&
    wrong(
      'batchBytes',
      `must be at most maxInFlightBytes (${formatSize(policy.maxInFlightBytes)}), got ${formatSize(policy.batchBytes)}`,
    ),
  ({ mapping: { policy } }) =>
    policy.backoff.initialMs > policy.backoff.maxMs &&
    wrong(
      'backoff.initial',
      `must be at most backoff.max (${formatDuration(policy.backoff.maxMs)}), got ${formatDuration(policy.backoff.initialMs)}`,
    ),
  ({ mapping, asked }) =>
    !mapping.channel.positioned &&
    asked.group !== undefined &&
    wrong(
      'source',
      `must not have a group: readers of the ${mapping.channel.type} ${mapping.channel.address} have no positions of their own`,
    ),
  ({ mapping, asked }) =>
    !mapping.channel.positioned &&
    asked.start !== undefined &&
    wrong(
      'source',
      `must not have a start: readers of the ${mapping.channel.type} ${mapping.channel.address} have no positions of their own`,
    ),
  ({ mapping }) =>
    mapping.deadLetters.to.some(channel => channel.address === mapping.channel.address) &&
    wrong(
      'deadLetters.to',
      `must not be the mapping's own source (${mapping.channel.address}): its dead letters would come again for ever`,
    ),
  ({ mapping }) =>
    mapping.channel.ordered !== true &&
    mapping.policy.order !== 'none' &&
    mapping.policy.order !== mapping.channel.ordered &&
    note(
      'order',
      `is '${mapping.policy.order}': on ${mapping.channel.address} that holds within this process only, because the receivers of a ${mapping.channel.type} compete`,
    ),
  ({ mapping: { policy } }) =>
    policy.onDeadLetter === 'stop' &&
    policy.order === 'none' &&
    note('onDeadLetter', "is 'stop', which means nothing with order 'none'"),
]

const CONFIG_RULES: readonly ((mappings: readonly ResolvedMapping[]) => readonly Finding[])[] = [
  mappings =>
    mappings.flatMap((mapping, index): readonly Finding[] => {
      const other = mappings.slice(0, index).find(earlier => sharesRecords(earlier, mapping))
      if (!other) return []
      if (mapping.requests)
        return [
          {
            path: `${join('mappings', mapping.name)}.source`,
            message: `must not be ${mapping.channel.address}, which mapping ${other.name} answers already`,
            severity: 'problem',
          },
        ]
      const how = mapping.channel.positioned ? ` in the same group (${mapping.group})` : ''
      return [
        {
          path: join('mappings', mapping.name),
          message: `reads ${mapping.channel.address}${how} like mapping ${other.name}: each record goes to one of the two`,
          severity: 'notice',
        },
      ]
    }),
]

/** What functions must be to the app and to themselves. */
export const functionRules = (functions: Iterable<ResolvedFunction>, maxEnvironments: number): readonly Problem[] => {
  const all = [...functions]
  const reserved = all.reduce((sum, each) => sum + each.reserved, 0)
  return [
    ...all.flatMap(({ name, reserved, provisioned, maxEnvironments: own }) =>
      Object.entries({ reserved, provisioned }).flatMap(([option, count]) =>
        count > own
          ? [
              {
                path: `${join('functions', name)}.${option}`,
                message: `must be at most maxEnvironments (${own}), got ${count}`,
              },
            ]
          : [],
      ),
    ),
    ...all.flatMap(({ name, snapshot, provisioned, isolation, code }) => {
      const path = `${join('functions', name)}.snapshot`
      if (!snapshot) return []
      if (provisioned > 0)
        return [{ path, message: `needs provisioned 0, got ${provisioned}: what is provisioned is past Init already` }]
      return isolation === 'inline' || !('file' in code || 'package' in code)
        ? [{ path, message: "is for modules with isolation 'process' or 'thread'; others have no Init of their own" }]
        : []
    }),
    ...all.flatMap(({ name, permissions, isolation }) =>
      permissions && isolation !== 'process'
        ? [
            {
              path: `${join('functions', name)}.permissions`,
              message: `needs isolation 'process', got '${isolation}': Node has permissions for whole processes only`,
            },
          ]
        : [],
    ),
    ...(reserved > maxEnvironments
      ? [
          {
            path: 'maxEnvironments',
            message: `must be at least what functions have reserved (${reserved} in all), got ${maxEnvironments}`,
          },
        ]
      : []),
  ]
}

/** Everything the rules find, of every mapping. */
export const applyRules = (candidates: readonly Candidate[]): readonly Finding[] => [
  ...candidates.flatMap(candidate =>
    [...RULES_OF_ALL, ...(candidate.mapping.requests ? [] : RULES_OF_RECORDS)].flatMap(rule => {
      const verdict = rule(candidate)
      if (!verdict) return []
      const { option, ...rest } = verdict
      return [{ path: `${join('mappings', candidate.mapping.name)}.${option}`, ...rest }]
    }),
  ),
  ...CONFIG_RULES.flatMap(rule => rule(candidates.map(candidate => candidate.mapping))),
]

const wrong = (option: string, message: string): Verdict => ({ option, message, severity: 'problem' })

const note = (option: string, message: string): Verdict => ({ option, message, severity: 'notice' })

const sharesRecords = (one: ResolvedMapping, other: ResolvedMapping): boolean =>
  one.channel.address === other.channel.address &&
  one.enabled &&
  other.enabled &&
  (!one.channel.positioned || one.group === other.group)
