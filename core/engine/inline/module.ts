/**
 * The module of an inline function, shared by all its environments because the host imports it once: `shutdown` is for
 * the last of them, and who comes after that gets a module of its own.
 */
import type { FunctionSpec, Version } from '../contract.ts'
import { type Loading, loadFile, loadHandler } from '../runtime/load.ts'

export interface SharedModule {
  /** Never rejects. Everyone who loads leaves once. */
  load(version: Version): Promise<Loading>
  /** The module's `shutdown` for the last to leave, otherwise undefined. */
  leave(): Promise<(() => unknown) | undefined>
}

/** Imports of one file in the life of the process; Node keeps a module for each specifier for ever. */
let imports = 0

export const sharedModule = (spec: FunctionSpec): SharedModule => {
  const { code } = spec
  let users = 0
  let loading: Promise<Loading> | undefined
  const begin = (version: Version): Promise<Loading> => {
    if ('handler' in code) return Promise.resolve(loadHandler(spec.name, code.handler))
    if (!('file' in code)) throw new Error(`function ${spec.name} has no module to load`)
    imports += 1
    return loadFile(spec.name, code, `?millrace=${version}.${imports}`)
  }
  return {
    load(version) {
      users += 1
      loading ??= begin(version)
      return loading
    },
    async leave() {
      users -= 1
      if (users > 0 || !loading) return undefined
      const last = loading
      loading = undefined
      return (await last).loaded?.shutdown
    },
  }
}
