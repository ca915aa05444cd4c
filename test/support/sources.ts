import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'

/** One TypeScript file of the checkout. */
export interface SourceFile {
  /** From the root of the checkout, with slashes. */
  readonly path: string
  readonly text: string
  /** The text with its comments blanked out. */
  readonly code: string
  /** What it imports: files of ours as their path, anything else as it is written. */
  readonly imports: readonly string[]
}

const ROOT = new URL('../../', import.meta.url)
const IMPORT = /\b(?:from|import)\s*\(?\s*'([^']+)'/g
const COMMENT = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm

/** Every .ts file below these folders of the checkout. */
export const sourcesIn = (...folders: readonly string[]): readonly SourceFile[] =>
  folders.flatMap(folder =>
    readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts') && !name.includes('node_modules'))
      .map(name => readSource(posix.join(folder, name)))
      .sort((one, other) => one.path.localeCompare(other.path)),
  )

const readSource = (path: string): SourceFile => {
  const text = readFileSync(new URL(path, ROOT), 'utf8')
  const code = text.replaceAll(COMMENT, '')
  const imports = [...code.matchAll(IMPORT)].map(([, target = '']) =>
    target.startsWith('.') ? posix.join(posix.dirname(path), target) : target,
  )
  return { path, text, code, imports }
}
