/** `node link-main.ts <entry> <launcher>`: makes the one file of TypeScript modules. A process of its own, because Node warns of what takes types off. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname } from 'node:path'
import { codeBeside, launcherFor } from './launch.ts'
import { linkModules, reachedFrom } from './link.ts'

const [entry = '', launcher = ''] = process.argv.slice(2)

/** Others may be at it, or start from what is there. */
const write = (target: string, text: string): void => {
  const own = `${target}.${process.pid}`
  writeFileSync(own, text, { mode: 0o600 })
  renameSync(own, target)
}

const code = linkModules(reachedFrom(entry, path => stripTypeScriptTypes(readFileSync(path, 'utf8'))))
write(codeBeside(launcher), code)
// Last, because it is what others look for.
write(launcher, launcherFor(code, JSON.stringify(dirname(entry))))
