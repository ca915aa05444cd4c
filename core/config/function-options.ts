/** The options of a function: its code, and the environments it runs in. */
import type { FunctionCode, FunctionSpec, RemoteCode } from '../engine/contract.ts'
import { asyncOption } from './async-options.ts'
import { canaryOption, codeOptions } from './function-code.ts'
import { choice, duration, flag, option, texts, type Values, type Written, whole } from './option.ts'
import { defaultsOf, isPlainObject } from './options.ts'
import { permissions } from './permission-options.ts'
import { type Problem, show } from './problem.ts'
import { type RemoteWritten, remoteOptions, resolveRemote } from './remote-options.ts'
import { isSecretRef, resolveSecrets, revealVariables, type SecretPlaces, type SecretRef } from './secret.ts'

export type Variables = Readonly<Record<string, string | SecretRef>>

/** Every option of a function. */
export const functionOptions = {
  ...codeOptions,
  ...remoteOptions,
  isolation: choice({
    of: ['process', 'thread', 'inline'],
    default: 'process',
    doc: '`process`: environments are processes, so that timeout and memory are enforced. `thread`: threads of the app, where both are best effort. `inline`: inside the app; neither is.',
  }),
  timeout: duration({ min: '1ms', max: '15m', default: '30s', doc: 'An invocation that runs longer is killed.' }),
  initTimeout: duration({
    min: '1ms',
    max: '15m',
    default: '10s',
    doc: 'An environment that is not ready after this long is killed.',
  }),
  memory: whole({ min: 128, max: 10_240, default: 512, doc: 'MB an environment may use; beyond it is killed.' }),
  idle: duration({ min: '1s', max: '7d', default: '10m', doc: 'An environment unused for this long is ended.' }),
  maxEnvironments: whole({ min: 1, max: 1_000, default: 10, doc: 'Environments of the function at once.' }),
  reserved: whole({
    min: 0,
    max: 1_000,
    default: 0,
    doc: "Of the app's `maxEnvironments`, so many are kept for this function.",
  }),
  provisioned: whole({
    min: 0,
    max: 1_000,
    default: 0,
    doc: 'Environments kept past Init, so that the first callers find them warm.',
  }),
  snapshot: flag({
    default: false,
    doc: 'Keeps one environment past Init for the next cold start, as SnapStart does; the module may export `beforeSnapshot` and `afterRestore`.',
  }),
  rampUp: whole({
    min: 1,
    max: 10_000,
    default: 1_000,
    doc: 'Environments that may be started within 10 seconds; callers wait for more, or are told to come again.',
  }),
  reportLines: flag({
    default: false,
    doc: 'Writes START, END and REPORT to the log around each invocation, as Lambda does.',
  }),
  env: option<Variables, Variables>({
    doc: 'Environment variables the function sees beside PATH, TZ, LANG, NODE_ENV and those of Lambda.',
    takes: 'texts, `env()` or `file()` by name',
    expected: 'an object of texts, env() or file()',
    default: {},
    defaultText: 'none',
    read: value =>
      isPlainObject(value) && Object.values(value).every(item => typeof item === 'string' || isSecretRef(item))
        ? (value as Variables)
        : undefined,
  }),
  canary: canaryOption,
  async: asyncOption,
  nodeOptions: texts({
    takes: 'options of Node',
    doc: "Given to Node when it starts an environment: ['--import', 'tsx'].",
  }),
  permissions,
}

export type FunctionValues = Values<typeof functionOptions>
export type FunctionWritten = Written<typeof functionOptions> &
  (
    | { readonly file: string }
    | { readonly command: readonly string[] }
    | { readonly url: string | SecretRef }
    | { readonly image: string }
  )

/** A function as the engine takes it, but for its variables and what it sends elsewhere, which are still references. */
export type ResolvedFunction = Omit<FunctionSpec, 'env' | 'code'> & {
  readonly variables: Variables
  readonly code: Exclude<FunctionCode, RemoteCode> | RemoteWritten
}

/** What the engine runs. Throws SECRET_MISSING when a variable's value is not there. */
export const functionSpec = (resolved: ResolvedFunction, places: SecretPlaces = {}): FunctionSpec => {
  const { variables, code, ...spec } = resolved
  const where = `functions.${resolved.name}`
  return {
    ...spec,
    code: 'url' in code ? resolveRemote(code, where, places) : code,
    env: revealVariables(resolveSecrets(variables, `${where}.env`, places)),
  }
}

/** Options that mean nothing for a program of its own. */
export const programProblems = (
  { command, bundle, isolation, nodeOptions, permissions }: FunctionValues,
  path: string,
): readonly Problem[] => {
  if (command.length === 0) return []
  const problems: Problem[] = []
  if (isolation !== 'process')
    problems.push({ path: `${path}.isolation`, message: `must be 'process' for a command, got ${show(isolation)}` })
  if (nodeOptions.length > 0)
    problems.push({ path: `${path}.nodeOptions`, message: 'is for modules of Node; a command has its own arguments' })
  if (bundle) problems.push({ path: `${path}.bundle`, message: 'is for modules of Node; a command is run as it is' })
  if (permissions !== undefined)
    problems.push({ path: `${path}.permissions`, message: 'is for modules of Node, which keeps to them' })
  return problems
}

/** A function of the configuration; `canary` is where the code of its option of that name is. */
export const fromOptions = (
  name: string,
  values: FunctionValues,
  code: ResolvedFunction['code'],
  canary?: FunctionCode,
): ResolvedFunction => ({
  ...environment(name, values),
  ...(values.permissions ? { permissions: values.permissions } : {}),
  code,
  ...(canary && values.canary ? { canary: { code: canary, weight: values.canary.weight } } : {}),
  isolation: values.isolation,
})

/** A handler that is given as a value: it runs inline, by default with the default options. */
export const fromHandler = (
  name: string,
  handler: unknown,
  values: FunctionValues = defaultsOf(functionOptions),
): ResolvedFunction => ({
  ...environment(name, values),
  code: { handler },
  isolation: 'inline',
})

const environment = (name: string, values: FunctionValues): Omit<ResolvedFunction, 'code' | 'isolation'> => ({
  name,
  timeoutMs: values.timeout,
  initTimeoutMs: values.initTimeout,
  memoryMb: values.memory,
  idleMs: values.idle,
  maxEnvironments: values.maxEnvironments,
  reserved: values.reserved,
  provisioned: values.provisioned,
  snapshot: values.snapshot,
  rampUp: values.rampUp,
  reportLines: values.reportLines,
  variables: values.env,
  nodeOptions: values.nodeOptions,
})
