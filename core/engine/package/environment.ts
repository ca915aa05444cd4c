/** An environment whose code has to be prepared before it can begin: once for all environments of the function. */
import { existsSync } from 'node:fs'
import type { ErrorInfo } from '../../contract.ts'
import { errorInfo } from '../../errors.ts'
import type { FunctionSpec, ModuleCode, Program } from '../contract.ts'
import type { CreateEnvironment, Environment } from '../environment.ts'

export interface PackagedParts {
  readonly prepare: () => Promise<ModuleCode | Program>
  /** What runs the prepared function. */
  readonly environmentsOf: (spec: FunctionSpec) => CreateEnvironment
}

interface Prepared {
  readonly spec: FunctionSpec & { readonly code: ModuleCode | Program }
  readonly create: CreateEnvironment
}

/** Environments of one function. */
export const packagedEnvironments = (spec: FunctionSpec, parts: PackagedParts): CreateEnvironment => {
  let prepared: Promise<Prepared> | undefined
  const begin = async (): Promise<Prepared> => {
    const ready = { ...spec, code: await parts.prepare() }
    return { spec: ready, create: parts.environmentsOf(ready) }
  }
  const prepare = async (): Promise<Prepared> => {
    prepared ??= begin()
    try {
      const ready = await prepared
      if (existsSync(placeOf(ready.spec.code))) return ready
    } catch (thrown) {
      prepared = undefined
      throw thrown
    }
    // Somebody emptied the state folder, or replaced the function's.
    prepared = begin()
    return prepared
  }

  return environmentParts => {
    let inner: Environment | undefined
    let closed = false
    let tellGone = (): void => {}
    return {
      id: environmentParts.id,
      async init(first) {
        try {
          const ready = await prepare()
          if (closed) return CLOSED
          inner = ready.create({ ...environmentParts, spec: ready.spec })
        } catch (thrown) {
          return asInitFailure(spec.name, thrown)
        }
        inner.onGone(() => tellGone())
        return inner.init(first)
      },
      coldStart: () => inner?.coldStart?.(),
      restore: async () => inner?.restore?.(),
      async invoke(invocation) {
        if (!inner) throw new Error(`environment ${environmentParts.id} was invoked before Init`)
        return inner.invoke(invocation)
      },
      takesNext: () => inner?.takesNext() ?? false,
      usable: () => inner?.usable() ?? false,
      onGone(run) {
        tellGone = run
      },
      async close(graceMs) {
        closed = true
        await inner?.close(graceMs)
      },
    }
  }
}

const placeOf = (code: ModuleCode | Program): string => ('file' in code ? code.file : code.folder)

const CLOSED: ErrorInfo = { name: 'FunctionInitFailed', code: 'FUNCTION_INIT_FAILED', message: 'the app is stopping' }

const asInitFailure = (functionName: string, thrown: unknown): ErrorInfo => {
  const { name, code, message } = errorInfo(thrown)
  return code === undefined
    ? { name, code: 'FUNCTION_INIT_FAILED', message: `functions.${functionName}: ${message}` }
    : { name, code, message: message.startsWith('functions.') ? message : `functions.${functionName}: ${message}` }
}
