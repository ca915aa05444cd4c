/**
 * Makes dist/: JavaScript, types and a package.json of its own, so that `npm publish ./dist` publishes what users
 * install, and the checkout's package.json can point at the TypeScript that developers run.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { codeBeside, launcherFor } from '../core/engine/one-file/launch.ts'
import { linkModules, reachedFrom } from '../core/engine/one-file/link.ts'

const ROOT = new URL('../', import.meta.url)
const DIST = new URL('dist/', ROOT)
/** What environments start with: as one file each, because they start often. */
const RUNTIMES = ['core/engine/process/child', 'core/engine/thread/worker']
/** What a package shows beside its code. */
const PAPERS = ['README.md', 'LICENSE', 'CHANGELOG.md', 'dlq/dead-letter.schema.json']

interface Manifest {
  readonly bin: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

const asJavaScript = (path: string): string => path.replace(/\.ts$/, '.js')

const published = ({ scripts: _, devDependencies: __, allowScripts: ___, ...manifest }: Manifest): object => ({
  ...manifest,
  bin: Object.fromEntries(Object.entries(manifest.bin).map(([name, path]) => [name, asJavaScript(path)])),
  exports: Object.fromEntries(
    Object.entries(manifest.exports).map(([door, path]) => [
      door,
      path.endsWith('.ts') ? { types: path.replace(/\.ts$/, '.d.ts'), default: asJavaScript(path) } : path,
    ]),
  ),
})

rmSync(DIST, { recursive: true, force: true })
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '--project', 'tsconfig.build.json'], {
  cwd: ROOT,
  stdio: 'inherit',
})
for (const runtime of RUNTIMES) {
  const files = reachedFrom(fileURLToPath(new URL(`${runtime}.js`, DIST)), path => readFileSync(path, 'utf8'))
  const launcher = fileURLToPath(new URL(`${runtime}.cjs`, DIST))
  const code = linkModules(files)
  writeFileSync(codeBeside(launcher), code)
  writeFileSync(launcher, launcherFor(code, '__dirname'))
}
const manifest = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as Manifest
writeFileSync(new URL('package.json', DIST), `${JSON.stringify(published(manifest), null, 2)}\n`)
for (const paper of PAPERS) cpSync(new URL(paper, ROOT), new URL(paper, DIST))
