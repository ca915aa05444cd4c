/**
 * A module and all it imports as one file, by the esbuild of the user's project: it is found and read faster than hundreds of
 * files are. Left outside: `millrace`, which is there already, native addons, and what only a layer has.
 */
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { errorInfo, MillraceError } from '../../errors.ts'
import type { ModuleCode } from '../contract.ts'
import type { PackageCache } from './cache.ts'

/** Rejects with FUNCTION_INIT_FAILED when there is no esbuild, or it cannot bundle the module. */
export const bundleModule = async (
  functionName: string,
  code: ModuleCode,
  cache: PackageCache,
): Promise<ModuleCode> => {
  const esbuild = await loadEsbuild(functionName, code.file)
  const { script, map } = await build(functionName, code, esbuild)
  const key = createHash('sha256').update(script).digest('hex').slice(0, KEY_CHARS)
  const root = await cache.folderOf(`bundle-${key}`, async folder => {
    await writeFile(join(folder, `${SCRIPT}.map`), map)
    await writeFile(join(folder, SCRIPT), script)
  })
  return { ...code, file: join(root, SCRIPT), root, sourceMaps: 'read' }
}

const SCRIPT = 'bundle.mjs'
const KEY_CHARS = 32

/** What is used of it; it is the user's, so there are no types of it here. */
interface Esbuild {
  build(options: object): Promise<{ readonly outputFiles: readonly { readonly path: string; readonly text: string }[] }>
}

interface Resolving {
  resolve(path: string, options: object): Promise<{ readonly errors: readonly unknown[] }>
  onResolve(options: { readonly filter: RegExp }, resolve: (asked: Asked) => unknown): void
}

interface Asked {
  readonly path: string
  readonly kind: string
  readonly importer: string
  readonly resolveDir: string
  readonly pluginData: unknown
}

const loadEsbuild = async (functionName: string, file: string): Promise<Esbuild> => {
  try {
    const loaded: { readonly default?: unknown } = await import(
      pathToFileURL(createRequire(file).resolve('esbuild')).href
    )
    return (loaded.default ?? loaded) as Esbuild
  } catch (cause) {
    throw new MillraceError(
      'FUNCTION_INIT_FAILED',
      `functions.${functionName}.bundle: esbuild is not installed where ${file} could import it; npm install --save-dev esbuild, or leave out bundle`,
      { cause },
    )
  }
}

/** Packages that were written for \`require\` still find it. */
const REQUIRE =
  "import { createRequire as millraceRequire } from 'node:module'; const require = millraceRequire(import.meta.url);"

const build = async (
  functionName: string,
  { file, layers }: ModuleCode,
  esbuild: Esbuild,
): Promise<{ readonly script: string; readonly map: string }> => {
  try {
    const { outputFiles } = await esbuild.build({
      entryPoints: [file],
      outfile: join(dirname(file), SCRIPT),
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: `node${process.versions.node}`,
      sourcemap: 'linked',
      sourcesContent: false,
      logLevel: 'silent',
      banner: { js: REQUIRE },
      plugins: [outside(layers ? 'left' : 'wrong')],
    })
    const textOf = (end: string): string => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? ''
    return { script: textOf(SCRIPT), map: withAbsoluteSources(textOf('.map'), dirname(file)) }
  } catch (thrown) {
    throw new MillraceError(
      'FUNCTION_INIT_FAILED',
      `functions.${functionName}.bundle: ${file} cannot be bundled: ${problemsOf(thrown, dirname(file))}`,
      { cause: thrown },
    )
  }
}

/** `missing`: what becomes of a package that is not found; with layers it may be there when the function runs. */
const outside = (missing: 'left' | 'wrong') => ({
  name: 'millrace',
  setup(resolving: Resolving) {
    resolving.onResolve({ filter: /^millrace(\/|$)/ }, ({ path }) => ({ path, external: true }))
    resolving.onResolve({ filter: /\.node$/ }, ({ path, resolveDir }) => ({
      path: path.startsWith('.') ? resolve(resolveDir, path) : path,
      external: true,
    }))
    if (missing === 'wrong') return
    resolving.onResolve({ filter: /^[^./]/ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
      if (pluginData === ASKED) return undefined
      const found = await resolving.resolve(path, { kind, importer, resolveDir, pluginData: ASKED })
      return found.errors.length > 0 ? { path, external: true } : found
    })
  },
})

/** Asking esbuild asks this plugin again. */
const ASKED = 'asked'

/** The map lies elsewhere than where it was made for. */
const withAbsoluteSources = (map: string, folder: string): string => {
  const read = JSON.parse(map) as { readonly sources: readonly string[] }
  return JSON.stringify({ ...read, sources: read.sources.map(source => pathToFileURL(resolve(folder, source)).href) })
}

interface BuildProblem {
  readonly text: string
  readonly location: { readonly file: string; readonly line: number } | null
}

const SHOWN = 5

const problemsOf = (thrown: unknown, folder: string): string => {
  const { errors } = thrown as { readonly errors?: readonly BuildProblem[] }
  if (!Array.isArray(errors) || errors.length === 0) return errorInfo(thrown).message
  const shown = (errors as readonly BuildProblem[])
    .slice(0, SHOWN)
    .map(({ text, location }) =>
      location ? `${text} (${relative(folder, resolve(location.file)) || location.file}:${location.line})` : text,
    )
  return [...shown, ...(errors.length > SHOWN ? [`and ${errors.length - SHOWN} more`] : [])].join('; ')
}
