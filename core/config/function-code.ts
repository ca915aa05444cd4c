/** Where a function's code is: the options that say so, and what they come to together. */
import { isAbsolute, resolve } from 'node:path'
import type { FunctionCode, RemoteCode } from '../engine/contract.ts'
import { flag, type OptionSpec, option, size, texts, type Values, whole } from './option.ts'
import { group, isPlainObject } from './options.ts'
import { type Problem, show } from './problem.ts'

/** A text that is not empty, as it was written. */
const words = (declared: {
  readonly doc: string
  readonly takes: string
  readonly expected: string
  readonly otherwise: string
}): OptionSpec<string, string | undefined> =>
  option({
    doc: declared.doc,
    takes: declared.takes,
    expected: declared.expected,
    default: undefined,
    defaultText: declared.otherwise,
    read: value => (typeof value === 'string' && value !== '' ? value : undefined),
  })

export const codeOptions = {
  file: words({
    doc: 'The module that exports `handler`, or a folder or zip that has it, relative to the configuration; `x.ts#charge` names another export. Or a program named `bootstrap`, or a folder or zip that has one (docs/any-language.md).',
    takes: 'a path',
    expected: 'the path of a module, a folder or a .zip',
    otherwise: 'required, unless there is a command, a url or an image',
  }),
  command: texts({
    takes: 'a program and its arguments',
    doc: "A function in any language: ['python3', 'handler.py'] (docs/any-language.md). Started in the folder or zip that is `file`, otherwise in the configuration's folder.",
  }),
  handler: words({
    doc: 'Which function it is: an export (`charge`), or in a folder or zip `src/app.charge`.',
    takes: '`export` or `path/of/module.export`',
    expected: 'the name of an export, or path/of/module.export',
    otherwise: '`handler`, else the default export',
  }),
  bundle: flag({
    default: false,
    doc: 'Makes a module and what it imports one file before it is run, with the esbuild of your project: cold starts of functions with many packages are faster.',
  }),
  layers: texts({
    takes: 'paths of folders and zips',
    doc: 'Packages that functions share, as on Lambda; a later one covers earlier ones.',
  }),
  maxPackage: size({
    min: '1 MB',
    max: '10 GB',
    default: '250 MB',
    doc: 'What its zips may come to, unpacked, those of its layers included.',
  }),
}

export interface CodeSurroundings {
  /** Where relative paths start. */
  readonly folder: string
  /** Whether there is something at an absolute path. */
  readonly exists: (path: string) => boolean
}

/** That nothing says where the code is; undefined when something does. Asked of what was written, however wrong the rest of it is. */
export const codeMissing = (written: unknown, path: string): Problem | undefined =>
  isPlainObject(written) &&
  written.file === undefined &&
  written.url === undefined &&
  written.image === undefined &&
  (written.command === undefined || isEmptyList(written.command))
    ? {
        path: `${path}.file`,
        message: 'is missing; name the module that exports handler, a command, a url or an image',
      }
    : undefined

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0

export type ReadCode = { readonly code: Exclude<FunctionCode, RemoteCode> } | { readonly problems: readonly Problem[] }

/** What the options of a function at `path` come to, or everything that is wrong with them. */
export const readCode = (values: Values<typeof codeOptions>, path: string, around: CodeSurroundings): ReadCode => {
  const { file } = values
  return file === undefined ? readCommand(values, path, around) : readFile({ ...values, file }, path, around)
}

/** A command without a file: it is started where the configuration is. */
const readCommand = (
  { command, handler, layers }: Values<typeof codeOptions>,
  path: string,
  { folder, exists }: CodeSurroundings,
): ReadCode => {
  const [program = ''] = command
  const problems = [
    layers.length > 0
      ? {
          path: `${path}.layers`,
          message: 'are for functions with a file; name the folder in which command is started',
        }
      : undefined,
    // Without a slash it is looked for on the PATH, when it is started.
    program.includes('/') && !exists(resolve(folder, program))
      ? {
          path: `${path}.command`,
          message: `must be a program that exists, got ${show(program)} (${resolve(folder, program)})`,
        }
      : undefined,
  ].filter(problem => problem !== undefined)
  if (problems.length > 0) return { problems }
  return { code: { command, folder, ...(handler === undefined ? {} : { handler }) } }
}

const readFile = (
  values: Values<typeof codeOptions> & { readonly file: string },
  path: string,
  around: CodeSurroundings,
): ReadCode => {
  const { file, handler, command } = values
  const absolute = (written: string): string => (isAbsolute(written) ? written : resolve(around.folder, written))
  const named = namedExport(file, written => around.exists(absolute(written)))
  const problems = [
    missing(named.file, `${path}.file`, absolute, around),
    ...values.layers.map((layer, index) => missing(layer, `${path}.layers.${index}`, absolute, around)),
    named.export !== undefined && handler !== undefined
      ? { path: `${path}.handler`, message: `must be left out, because file names an export, got ${show(handler)}` }
      : undefined,
  ].filter(problem => problem !== undefined)
  if (problems.length > 0) return { problems }
  const entry = named.export ?? handler
  if (isModule(named.file) && values.layers.length === 0 && command.length === 0 && !values.bundle)
    return { code: { file: absolute(named.file), ...(entry === undefined ? {} : { export: entry }) } }
  return {
    code: {
      package: absolute(named.file),
      ...(entry === undefined ? {} : { entry }),
      ...(command.length === 0 ? {} : { command }),
      layers: values.layers.map(absolute),
      maxBytes: values.maxPackage,
      ...(values.bundle ? { bundle: 'esbuild' as const } : {}),
    },
  }
}

/** What Node imports; anything else is looked at when the function starts. */
const isModule = (file: string): boolean => /\.[cm]?[jt]s$/.test(file)

/** `x.ts#charge`, unless there is a file of that name. */
const namedExport = (
  file: string,
  exists: (written: string) => boolean,
): { readonly file: string; readonly export?: string } => {
  const hash = file.lastIndexOf('#')
  if (hash < 1 || hash === file.length - 1 || exists(file)) return { file }
  return { file: file.slice(0, hash), export: file.slice(hash + 1) }
}

const missing = (
  written: string,
  path: string,
  absolute: (written: string) => string,
  { exists }: CodeSurroundings,
): Problem | undefined =>
  exists(absolute(written))
    ? undefined
    : { path, message: `must be a file that exists, got ${show(written)} (${absolute(written)})` }

const canaryGroup = group({
  doc: '',
  options: {
    file: codeOptions.file,
    weight: whole({ min: 1, max: 99, default: 10, doc: 'Of a hundred invocations, how many the new version gets.' }),
  },
})

/** A new version of the function beside the one in `file`. */
export const canaryOption: OptionSpec<
  { readonly file: string; readonly weight?: number },
  { readonly file: string | undefined; readonly weight: number } | undefined
> = {
  doc: canaryGroup.doc,
  takes: canaryGroup.takes,
  defaultText: canaryGroup.defaultText,
  default: undefined,
  ...(canaryGroup.inside ? { inside: canaryGroup.inside } : {}),
  parse: (value, path) => {
    const missing = codeMissing(value, path)
    return missing ? { problems: [missing] } : canaryGroup.parse(value, path, canaryGroup.default)
  },
}
