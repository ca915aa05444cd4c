/**
 * A configuration as written, checked and completed. Every problem is found at once, each with its path; a wrong
 * mapping or function does not hide what is wrong with the others.
 */
import { existsSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { MillraceError } from '../errors.ts'
import { adoptMappings } from './adopt.ts'
import { appOptions, isName, NAME_EXPECTED } from './app-options.ts'
import { asyncMapping } from './async.ts'
import type { Door } from './channel.ts'
import { type ChannelBook, channelBook } from './channel-book.ts'
import { codeMissing, readCode } from './function-code.ts'
import { fromOptions, functionOptions, programProblems, type ResolvedFunction } from './function-options.ts'
import { invokeNotices } from './invoke-options.ts'
import { type MappingSurroundings, resolveMapping } from './mapping.ts'
import { type PolicyValues, policyOptions } from './mapping-options.ts'
import { defaultsOf, isPlainObject, join, parseOptions } from './options.ts'
import { absolutePermissions } from './permission-options.ts'
import { type Problem, problemText, show } from './problem.ts'
import { readRemote, remoteProblems } from './remote-options.ts'
import type { ResolvedConfig, ResolvedMapping, Validation } from './resolved.ts'
import { applyRules, type Candidate, functionRules } from './rules.ts'

export interface Surroundings {
  /** Where relative paths start: the configuration's folder. Default: the working folder. */
  readonly folder?: string
  /** Whether there is a file at an absolute path. Default: asks the disk. */
  readonly exists?: (path: string) => boolean
}

/** All that is wrong, or the configuration with every default filled in. Secrets are not resolved. */
export const validateConfig = (
  written: unknown,
  { folder = process.cwd(), exists = existsSync }: Surroundings = {},
): Validation => {
  const problems: Problem[] = []
  if (!isPlainObject(written)) return { ok: false, problems: [notAConfig(written)] }
  const top = parseOptions(appOptions, written, '')
  if ('problems' in top) problems.push(...top.problems)
  const own = 'value' in top ? top.value : defaultsOf(appOptions)
  if (written.name === undefined) problems.push({ path: 'name', message: `is missing; it must be ${NAME_EXPECTED}` })

  const book = channelBook(problems)
  const { functions, asyncMappings } = readFunctions(written.functions, { folder, exists, book }, problems)
  const defaults = readDefaults(written.defaults, problems)
  // A function that is wrong is named all the same: its mappings are not wrong for that.
  const functionNames = Object.keys(isPlainObject(written.functions) ? written.functions : {})
  const surroundings = { appName: own.name, book, functions, functionNames, defaults }
  const candidates = readMappings(written.mappings, surroundings, problems)
  readChannels(written.channels, book, problems)
  if (own.idempotency.store) book.enterConnection(own.idempotency.store, 'idempotency.store')
  if (own.state) book.enterConnection(own.state, 'state')
  if (own.slots) book.enterConnection(own.slots, 'slots')
  const adopting = adoptMappings(own.deadLetters.adopt, own.name, book)
  const doors = readDoors(written.doors, book, problems)

  problems.push(...functionRules(functions.values(), own.maxEnvironments))
  const findings = applyRules(candidates)
  problems.push(...findings.filter(finding => finding.severity === 'problem').map(withoutSeverity))
  if (problems.length > 0) return { ok: false, problems }
  const config: ResolvedConfig = {
    name: own.name,
    stateDir: isAbsolute(own.stateDir) ? own.stateDir : resolve(folder, own.stateDir),
    maxInFlightBytes: own.maxInFlightBytes,
    maxEnvironments: own.maxEnvironments,
    cpuShares: own.cpuShares,
    zygotes: own.zygotes,
    invoke: own.invoke,
    idempotency: own.idempotency,
    state: own.state,
    slots: own.slots ?? own.state,
    deadLetters: own.deadLetters,
    connections: book.connections,
    channels: book.channels,
    doors,
    functions,
    mappings: [...candidates.map(candidate => candidate.mapping), ...asyncMappings, ...adopting],
    notices: [
      ...invokeNotices(own.invoke),
      ...findings.filter(({ severity }) => severity === 'notice').map(withoutSeverity),
    ],
  }
  return { ok: true, config }
}

/** All problems as one error, CONFIG_INVALID, a line each. */
export const configError = (problems: readonly Problem[], where: string): MillraceError =>
  new MillraceError(
    'CONFIG_INVALID',
    [
      `${where} has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:`,
      ...problems.map(problemText),
    ].join('\n  '),
    { fatal: true },
  )

const notAConfig = (written: unknown): Problem => ({
  path: 'the configuration',
  message: `must be an object, got ${show(written)}; export default defineConfig({ … })`,
})

interface Functions {
  readonly functions: Map<string, ResolvedFunction>
  readonly asyncMappings: readonly ResolvedMapping[]
}

const readFunctions = (
  written: unknown,
  { book, ...surroundings }: Required<Surroundings> & { readonly book: ChannelBook },
  problems: Problem[],
): Functions => {
  const functions = new Map<string, ResolvedFunction>()
  const asyncMappings: ResolvedMapping[] = []
  for (const [name, value] of namedEntries(written ?? {}, 'functions', problems)) {
    const path = join('functions', name)
    const options = typeof value === 'string' ? { file: value } : value
    const missing = codeMissing(options, path)
    if (missing) problems.push(missing)
    const parsed = parseOptions(functionOptions, options, path)
    if ('problems' in parsed) problems.push(...parsed.problems)
    else if (!missing) {
      const values = parsed.value
      problems.push(...programProblems(values, path), ...remoteProblems(options, path))
      const read = readRemote(values, path) ?? readCode(values, path, surroundings)
      const canary = values.canary && readCode({ ...values, ...values.canary }, `${path}.canary`, surroundings)
      for (const each of [read, canary]) if (each && 'problems' in each) problems.push(...each.problems)
      if ('code' in read) {
        const permissions = absolutePermissions(values.permissions, surroundings.folder)
        const next = canary && 'code' in canary ? canary.code : undefined
        functions.set(name, fromOptions(name, { ...values, permissions }, read.code, next))
      }
      asyncMappings.push(...[asyncMapping(name, values, path, book) ?? []].flat())
    }
  }
  return { functions, asyncMappings }
}

const readDefaults = (written: unknown, problems: Problem[]): PolicyValues => {
  const parsed = parseOptions(policyOptions, written, 'defaults')
  if ('value' in parsed) return parsed.value
  problems.push(...parsed.problems)
  return defaultsOf(policyOptions)
}

const readMappings = (written: unknown, needs: MappingSurroundings, problems: Problem[]): readonly Candidate[] => {
  if (written === undefined) {
    problems.push({ path: 'mappings', message: 'is missing; an app that only sends has mappings: {}' })
    return []
  }
  return namedEntries(written, 'mappings', problems).flatMap(([name, value]) => {
    const candidate = resolveMapping(name, value, needs, problems)
    return candidate ? [candidate] : []
  })
}

const readChannels = (written: unknown, book: ChannelBook, problems: Problem[]): void => {
  if (written === undefined) return
  if (Array.isArray(written))
    for (const [index, value] of written.entries()) book.enterTarget(value, `channels.${index}`)
  else problems.push({ path: 'channels', message: `must be a list of channels, got ${show(written)}` })
}

const readDoors = (written: unknown, book: ChannelBook, problems: Problem[]): readonly Door[] => {
  if (written === undefined) return []
  if (Array.isArray(written)) return written.flatMap((value, index) => book.enterDoor(value, `doors.${index}`) ?? [])
  problems.push({ path: 'doors', message: `must be a list of doors, got ${show(written)}` })
  return []
}

/** The entries of an object whose keys are names of the user's; keys that are no names are problems. */
const namedEntries = (written: unknown, path: string, problems: Problem[]): readonly [string, unknown][] => {
  if (!isPlainObject(written)) {
    problems.push({ path, message: `must be an object, got ${show(written)}` })
    return []
  }
  for (const name of Object.keys(written))
    if (!isName(name)) problems.push({ path: join(path, name), message: `must have a name of ${NAME_EXPECTED}` })
  return Object.entries(written)
}

const withoutSeverity = ({ path, message }: Problem): Problem => ({ path, message })
