/** Finding the configuration's file and importing it, so that what goes wrong says where and what to do. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, isAbsolute, join, parse, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { errorInfo, MillraceError } from '../errors.ts'

export const CONFIG_NAMES = ['millrace.config.ts', 'millrace.config.js', 'millrace.config.mjs'] as const

export interface LoadedConfig {
  /** Absolute path of the file. */
  readonly file: string
  /** Its folder, from which relative paths in it start. */
  readonly folder: string
  /** What it exports by default; not yet validated. */
  readonly config: unknown
}

/**
 * The file named, or the nearest of {@link CONFIG_NAMES} from `folder` upward; absolute. Throws CONFIG_NOT_FOUND that
 * says where it was looked for.
 */
export const findConfig = (folder: string, named?: string): string => {
  if (named !== undefined) {
    const file = isAbsolute(named) ? named : resolve(folder, named)
    if (existsSync(file)) return file
    throw new MillraceError('CONFIG_NOT_FOUND', `there is no configuration at ${file}; check --config`)
  }
  const folders = upward(resolve(folder))
  const found = folders.flatMap(at => CONFIG_NAMES.map(name => join(at, name))).find(existsSync)
  if (found !== undefined) return found
  throw new MillraceError(
    'CONFIG_NOT_FOUND',
    `no ${CONFIG_NAMES[0]} (or .js, .mjs) in ${folders.join(', ')}; ` +
      'create one that says `export default defineConfig({ … })`, or name it with --config',
  )
}

/**
 * Imports the configuration. `version` makes Node load the file again although it was loaded before. Throws
 * CONFIG_INVALID with file, line and what to do when it cannot be imported or exports nothing by default.
 */
export const loadConfig = async (file: string, version?: string): Promise<LoadedConfig> => {
  const url = pathToFileURL(file)
  if (version !== undefined) url.searchParams.set(VERSION_PARAMETER, version)
  const loaded = await importAt(url.href, file)
  if (loaded.default === undefined)
    throw new MillraceError(
      'CONFIG_INVALID',
      `${file} has no default export; write \`export default defineConfig({ … })\``,
    )
  return { file, folder: dirname(file), config: loaded.default }
}

/** In the address of a module: which load of it this is. */
export const VERSION_PARAMETER = 'millrace'

const importAt = async (href: string, file: string): Promise<{ readonly default?: unknown }> => {
  try {
    return await import(href)
  } catch (error) {
    throw new MillraceError('CONFIG_INVALID', importProblem(error, file), { cause: error })
  }
}

/** What a failed import says to its reader: where, what, and what to do about it. */
export const importProblem = (error: unknown, file: string): string => {
  const { code, message, stack } = errorInfo(error)
  const first = message.split('\n')[0] ?? message
  const where = placeOf(stack ?? '') ?? (error instanceof SyntaxError ? checkedPlace(file) : undefined)
  const said = `${file} cannot be imported: ${first}${where === undefined ? '' : ` · at ${where}`}`
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' || isDecorator(error, file)) return `${said} · ${TWO_WAYS_OUT}`
  if (code === 'ERR_MODULE_NOT_FOUND') return `${said} · ${missingModule(message)}`
  return said
}

const TWO_WAYS_OUT =
  'Node runs TypeScript by erasing types, which this syntax (enum, namespace, parameter properties, …) does not allow; ' +
  "either compile it and name the result (--config dist/millrace.config.js; for a function file: 'dist/x.js'), " +
  "or load a compiler (NODE_OPTIONS='--import tsx'; for a function nodeOptions: ['--import', 'tsx'])"

const missingModule = (message: string): string =>
  /^Cannot find package/.test(message)
    ? 'install the package'
    : 'check the path in the import; imports name their file with its extension (./channels.ts)'

/** Node leaves decorators as they are, and its parser then stumbles over the `@` without a code of its own. */
const isDecorator = (error: unknown, file: string): boolean =>
  file.endsWith('.ts') && error instanceof SyntaxError && error.message === 'Invalid or unexpected token'

/** `/app/millrace.config.ts:3:7`: the first place in a stack that is in no package. */
const placeOf = (stack: string): string | undefined => {
  const places = stack.split('\n').flatMap(line => (WHOLE_LINE.exec(line) ?? IN_FRAME.exec(line))?.slice(1) ?? [])
  const own = places.map(decodeURI).find(place => !place.includes('node_modules') && !place.startsWith(HERE))
  return own?.replace(/\?[^:]*/, '')
}

const HERE = import.meta.filename
const WHOLE_LINE = /^(?:file:\/\/)?(\/.*:\d+)$/
const IN_FRAME = /[( ](?:file:\/\/)?(\/[^()\s]*?:\d+:\d+)\)?$/

/** An error in the syntax of JavaScript does not carry its line; `node --check` prints it. */
const checkedPlace = (file: string): string | undefined => {
  const { stderr } = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8' })
  return placeOf(stderr)
}

const upward = (folder: string): readonly string[] =>
  folder === parse(folder).root ? [folder] : [folder, ...upward(dirname(folder))]
