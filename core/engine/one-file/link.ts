/**
 * Our own modules as one script (launch.ts): a process that loads thirty modules takes fifteen milliseconds longer to start
 * than one that loads one. It is no bundler: it knows the forms in which modules of the runtime import and export, which
 * the formatter keeps to one, and refuses the rest.
 *
 *   import … from './x.ts'     const … = need(n)       made when first asked for, like import('./x.ts')
 *   import(url)                importUrl(url)
 *   export const x = …         const x = …             and a member of what `need` answers
 */
import { dirname, relative, resolve } from 'node:path'

export interface SourceFile {
  /** Absolute. */
  readonly path: string
  readonly text: string
}

/** `import { a } from './b.ts'`, over several lines too; what is only types does not count. */
const STATIC_IMPORT = /^import (?!type )(?:([^'";]+?) from )?'([^'\n]+)';?$/gm
/** Of what is known only then: a URL, so that it does not matter who asks for it. */
const IMPORT_CALL = /\bimport\(/g
const RELATIVE_IMPORT_CALL = /\bimport\('(\.{1,2}\/[^'\n]+)'\)/g
const EXPORTED = /^export (?=(?:const|let|function|async function|class) (\w+))/gm
const REFUSED = /^(?:export|import) .*|^await .*/m

/** The entry and what it reaches by relative paths, the entry first. */
export const reachedFrom = (entry: string, read: (path: string) => string): readonly SourceFile[] => {
  const found = new Map<string, string>()
  const waiting = [entry]
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.has(path)) continue
    const text = read(path)
    found.set(path, text)
    for (const specifier of specifiersIn(text))
      if (isRelative(specifier)) waiting.push(resolve(dirname(path), specifier))
  }
  return [...found].map(([path, text]) => ({ path, text }))
}

const specifiersIn = (text: string): readonly string[] => [
  ...[...text.matchAll(STATIC_IMPORT)].map(([, , specifier]) => specifier ?? ''),
  ...[...text.matchAll(RELATIVE_IMPORT_CALL)].map(([, specifier]) => specifier ?? ''),
]

const isRelative = (specifier: string): boolean => specifier.startsWith('.')

/**
 * An expression: a function that is given `require`, `import` as a function, and the path of the folder that counts as the first
 * module's, and answers what that module exports. `files` are JavaScript, as {@link reachedFrom} finds them. Throws a SyntaxError that names a
 * line which has none of the known forms.
 */
export const linkModules = (files: readonly SourceFile[]): string => {
  const ids = new Map(files.map(({ path }, id) => [path, id]))
  const start = dirname(files[0]?.path ?? '')
  const modules = files.map(file => moduleText(file, ids, relative(start, file.path)))
  return asciiOf(`(require, importUrl, folder) => {
'use strict'
const made = []
const need = id => {
  if (made[id] === undefined) makers[id]((made[id] = {}))
  return made[id]
}
const urlOf = path => require('node:url').pathToFileURL(require('node:path').join(folder, path)).href
const makers = [
${modules.join(',\n')}
]
return need(0)
}
`)
}

/** V8 keeps a text with one other character in it as two bytes for each. Escaped they mean the same wherever code may have them. */
const asciiOf = (text: string): string =>
  text.replace(/[\u0080-\uffff]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

const moduleText = ({ path, text }: SourceFile, ids: ReadonlyMap<string, number>, shown: string): string => {
  const idOf = (specifier: string): number => {
    const id = ids.get(resolve(dirname(path), specifier))
    if (id === undefined) throw new SyntaxError(`${path} imports ${specifier}, which is none of the linked modules`)
    return id
  }
  const needed = (specifier: string): string => {
    if (isRelative(specifier)) return `need(${idOf(specifier)})`
    if (specifier.startsWith('node:')) return `require('${specifier}')`
    throw new SyntaxError(`${path} imports the package ${specifier}, and the runtime has none`)
  }
  const names: string[] = []
  const body = text
    .replace(STATIC_IMPORT, (_all, what: string | undefined, specifier: string) =>
      imported(path, what, needed(specifier)),
    )
    .replace(
      RELATIVE_IMPORT_CALL,
      (_all, specifier: string) => `Promise.resolve().then(() => need(${idOf(specifier)}))`,
    )
    .replace(IMPORT_CALL, 'importUrl(')
    .replace(EXPORTED, (_all, name: string) => {
      names.push(name)
      return ''
    })
    .replaceAll('import.meta.url', `urlOf(${JSON.stringify(shown)})`)
  const refused = REFUSED.exec(body) ?? /import\.meta[.\w]*/.exec(body)
  if (refused) throw new SyntaxError(`${path}: a form that is not known to the linker: ${refused[0]}`)
  return `// ${shown}\nexports => {\n${body}\nObject.assign(exports, { ${names.join(', ')} })\n}`
}

/** `{ a, b as c }` or `* as all`. */
const imported = (path: string, what: string | undefined, value: string): string => {
  if (what === undefined) return value
  const all = /^\* as (\w+)$/.exec(what)
  if (all) return `const ${all[1]} = ${value}`
  if (!what.startsWith('{'))
    throw new SyntaxError(`${path}: a default import, which no module of the runtime has: ${what}`)
  return `const ${what.replace(/(\w+)\s+as\s+(\w+)/g, '$1: $2')} = ${value}`
}
