/** A module becomes a function that can be invoked, or a sentence that tells a newcomer why not. Runs in the environment. */
import { existsSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { ErrorInfo } from '../../contract.ts'
import { errorInfo } from '../../errors.ts'
import type { Decode } from '../../event/decode.ts'
import type { FunctionContext } from '../../function/context.ts'
import { type HandlerMark, markOf } from '../../function/handler.ts'
import type { ModuleCode } from '../contract.ts'
import { isStreaming, provideAwslambda, type StreamingHandler } from './streaming.ts'

export interface LoadedFunction {
  readonly name: string
  readonly handle: (batch: unknown, context: unknown) => unknown
  /** Undefined for a plain function. */
  readonly mark: HandlerMark | undefined
  readonly shutdown: Hook | undefined
  /** Of functions with `snapshot`: before the environment waits, and when it has a request. */
  readonly beforeSnapshot: Hook | undefined
  readonly afterRestore: Hook | undefined
  /** The handler itself, where it streams its answer; `handle` collects it. */
  readonly streaming?: StreamingHandler
  /** Decoders by the address of a channel, made when a channel is first seen. */
  readonly decoders: Map<string, Decode>
}

export type Hook = () => unknown

export type Loading = { readonly loaded: LoadedFunction } | { readonly loaded?: undefined; readonly error: ErrorInfo }

/** Never rejects. */
export const loadFile = async (name: string, code: ModuleCode, query = ''): Promise<Loading> => {
  const { file } = code
  provideAwslambda()
  if (!existsSync(file))
    return notFound(`functions.${name}.file: ${file} does not exist; create it, or correct the path`)
  let module: Readonly<Record<string, unknown>>
  try {
    // Only where it is needed, like a streamed answer: every environment would weigh more for it.
    if (code.sourceMaps === 'read') process.setSourceMapsEnabled(true)
    if (code.root !== undefined) (await import('./layers.ts')).resolveFromLayers(code)
    module = await import(`${pathToFileURL(file).href}${query}`)
  } catch (thrown) {
    return { error: importFailed(name, file, thrown) }
  }
  return pick(name, code, module)
}

/** The same for a handler given as a value. */
export const loadHandler = (name: string, handler: unknown): Loading =>
  typeof handler === 'function'
    ? functionOf(name, handler as LoadedFunction['handle'], NO_HOOKS)
    : notFound(`functions.${name}: expected a handler made by onRecord or onBatch, got ${kindOf(handler)}`)

type Hooks = Pick<LoadedFunction, 'shutdown' | 'beforeSnapshot' | 'afterRestore'>

const NO_HOOKS: Hooks = { shutdown: undefined, beforeSnapshot: undefined, afterRestore: undefined }

type Exports = Readonly<Record<string, unknown>>

const pick = (name: string, { file, export: path }: ModuleCode, module: Exports): Loading => {
  const fallback = module.default
  const nested = typeof fallback === 'object' && fallback !== null ? (fallback as Exports) : {}
  const handler =
    path === undefined ? (module.handler ?? nested.handler ?? fallback) : (member(module, path) ?? member(nested, path))
  if (typeof handler === 'function') {
    const hook = (what: keyof Hooks): Hook | undefined => {
      const exported = module[what] ?? nested[what]
      return typeof exported === 'function' ? (exported as Hook) : undefined
    }
    return functionOf(name, handler as LoadedFunction['handle'], {
      shutdown: hook('shutdown'),
      beforeSnapshot: hook('beforeSnapshot'),
      afterRestore: hook('afterRestore'),
    })
  }
  const names = Object.keys(module)
  const got =
    handler === undefined
      ? `it exports ${names.length === 0 ? 'nothing' : names.join(', ')}`
      : `what it exports there is ${kindOf(handler)}`
  return notFound(
    path === undefined
      ? `functions.${name}: ${file} needs a function exported as \`handler\` (or as its default); ${got}. ` +
          'Write: export const handler = onRecord(channel, async record => { … })'
      : `functions.${name}: ${file} needs a function exported as \`${path}\`, as its handler says; ${got}`,
  )
}

/** `orders.charge`: a member of a member. */
const member = (exported: Exports, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>(
      (value, step) => (typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined),
      exported,
    )

/** A handler that is given a callback would not be waited for, and its records would count as processed. */
const MAX_PARAMETERS = 2

const functionOf = (name: string, handler: LoadedFunction['handle'], hooks: Hooks): Loading => {
  const common = { name, mark: markOf(handler), ...hooks, decoders: new Map() }
  if (isStreaming(handler)) {
    const streaming = handler as StreamingHandler
    const handle = async (event: unknown, context: unknown) => {
      const { collectStreamed } = await import('./streamed-answer.ts')
      return collectStreamed(streaming, event, context as FunctionContext)
    }
    return { loaded: { ...common, handle, streaming } }
  }
  if (handler.length > MAX_PARAMETERS)
    return {
      error: {
        name: 'CallbackHandlerDeprecated',
        code: 'FUNCTION_INIT_FAILED',
        message:
          `functions.${name}: its handler has ${handler.length} parameters, so it waits for a callback, which Millrace has as ` +
          'little as Lambda from Node 24 on; make it async (event, context) and return the answer',
      },
    }
  return { loaded: { ...common, handle: handler } }
}

const kindOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : typeof value

const notFound = (message: string): Loading => ({
  error: { name: 'FunctionNotFound', code: 'FUNCTION_NOT_FOUND', message },
})

const UNSTRIPPABLE = new Set([
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_INVALID_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING',
  'ERR_UNKNOWN_FILE_EXTENSION',
])

const importFailed = (name: string, file: string, thrown: unknown): ErrorInfo => {
  const cause = errorInfo(thrown)
  const hint = hintFor(cause)
  return {
    name: 'FunctionInitFailed',
    code: 'FUNCTION_INIT_FAILED',
    message: `functions.${name}: ${file} failed while it was imported: ${cause.name}: ${cause.message.trim()}${hint}`,
    ...(cause.stack === undefined ? {} : { stack: cause.stack }),
  }
}

export const hookFailed = (name: string, what: string, thrown: unknown): ErrorInfo => {
  const { name: kind, message, stack } = errorInfo(thrown)
  return {
    name: 'FunctionInitFailed',
    code: 'FUNCTION_INIT_FAILED',
    message: `functions.${name}: its ${what} failed: ${kind}: ${message}`,
    ...(stack === undefined ? {} : { stack }),
  }
}

const hintFor = (cause: ErrorInfo): string => {
  if (UNSTRIPPABLE.has(cause.code ?? ''))
    return (
      '. Node only strips types, it does not transform this syntax. Two ways out: compile the file and name the result ' +
      "(file: 'dist/x.js'), or load a transpiler (nodeOptions: ['--import', 'tsx'])"
    )
  if (cause.code === 'ERR_MODULE_NOT_FOUND' || cause.code === 'MODULE_NOT_FOUND')
    return '. Install the package or correct the import'
  return ''
}
