/**
 * What of a process is settled when it starts. All else it is told later, so that a blank one can be started beforehand and
 * given to any function of this kind.
 */
import { dirname, join } from 'node:path'
import type { FunctionSpec, ModuleCode } from '../contract.ts'
import { heapMb } from '../hosting/start.ts'
import { permissionFlags } from './permissions.ts'

export interface BlankKind {
  /** Equal for kinds that are the same. */
  readonly key: string
  readonly memoryMb: number
  /** Those of Node; the folder is the process's own. */
  readonly flags: (folder: string) => readonly string[]
  /** Those it is started with. */
  readonly variables: Readonly<Record<string, string>>
  readonly compileCache: 'on' | 'off'
  /** False: code of the user runs while it starts, so it is started for one function and with all its variables. */
  readonly shareable: boolean
}

/** Of a function that is a module; `variables` are all that it is to see. */
export const blankKindOf = (
  spec: Pick<FunctionSpec, 'nodeOptions' | 'permissions' | 'memoryMb'>,
  code: ModuleCode,
  variables: Readonly<Record<string, string>>,
): BlankKind => {
  const { nodeOptions, permissions, memoryMb } = spec
  const shareable = nodeOptions.every(option => HARMLESS.test(option)) && !('NODE_OPTIONS' in variables)
  const started = shareable ? readAtStart(variables) : variables
  const places = permissions ? { runtime: PACKAGE, code: foldersOf(code) } : undefined
  return {
    key: JSON.stringify([nodeOptions, permissions && [permissions, places], memoryMb, Object.entries(started).sort()]),
    memoryMb,
    flags: own => [
      ...nodeOptions,
      ...(permissions && places ? permissionFlags(permissions, { ...places, own }) : []),
      `--max-old-space-size=${heapMb(memoryMb)}`,
    ],
    variables: started,
    // Code is read from it, so who is held to permissions can have none that it could write to.
    compileCache: permissions ? 'off' : 'on',
    shareable,
  }
}

/** Options of Node that run no code and read no file: of what others do while a process starts, nothing is known. */
const HARMLESS =
  /^--(?:max-|stack-|expose-gc$|enable-source-maps$|no-(?:warnings|deprecation)$|disable-warning=|trace-(?:warnings|deprecation|uncaught)$|unhandled-rejections=)/

/** Variables that Node, its libraries or the linker read while a process starts, and hardly ever again. */
const READ_AT_START = /^(?:NODE_|UV_|V8_|ICU_|SSL_|OPENSSL_|LD_|DYLD_|MALLOC_|GLIBC_|LC_|LANG|TZ)/

const readAtStart = (variables: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(variables).filter(([name]) => READ_AT_START.test(name)))

const PACKAGE = join(import.meta.dirname, '..', '..', '..')

const foldersOf = ({ file, root, layers }: ModuleCode): readonly string[] => [
  root ?? dirname(file),
  ...(layers ? [layers.folder, ...layers.sources] : []),
]
