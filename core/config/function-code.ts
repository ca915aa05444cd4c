/** Where a function's code is: the options that say so, and what they come to together. */
import { isAbsolute, resolve } from 'node:path'
import type { FunctionCode } from '../engine/contract.ts'
import { type OptionSpec, option, size, texts, type Values } from './option.ts'
import { isPlainObject } from './options.ts'
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
    doc: 'The module that exports `handler`, or a folder or zip that has it, relative to the configuration; `x.ts#charge` names another export.',
    takes: 'a path',
    expected: 'the path of a module, a folder or a .zip',
    otherwise: 'required',
  }),
  handler: words({
    doc: 'Which function it is: an export (`charge`), or in a folder or zip `src/app.charge`.',
    takes: '`export` or `path/of/module.export`',
    expected: 'the name of an export, or path/of/module.export',
    otherwise: '`handler`, else the default export',
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
  isPlainObject(written) && written.file === undefined
    ? { path: `${path}.file`, message: 'is missing; name the module that exports handler' }
    : undefined

export type ReadCode = { readonly code: FunctionCode } | { readonly problems: readonly Problem[] }

/** What the options of a function at `path` come to, or everything that is wrong with them. */
export const readCode = (values: Values<typeof codeOptions>, path: string, around: CodeSurroundings): ReadCode => {
  const { file = '', handler } = values
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
  if (isModule(named.file) && values.layers.length === 0)
    return { code: { file: absolute(named.file), ...(entry === undefined ? {} : { export: entry }) } }
  return {
    code: {
      package: absolute(named.file),
      ...(entry === undefined ? {} : { entry }),
      layers: values.layers.map(absolute),
      maxBytes: values.maxPackage,
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
