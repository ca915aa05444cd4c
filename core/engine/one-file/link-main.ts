/** `node link-main.ts <entry> <target>`: makes the one file of TypeScript modules. A process of its own, because Node warns of what takes types off. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname } from 'node:path'
import { linkModules, reachedFrom } from './link.ts'

const [entry = '', target = ''] = process.argv.slice(2)
const files = reachedFrom(entry, path => stripTypeScriptTypes(readFileSync(path, 'utf8')))
const own = `${target}.${process.pid}`
writeFileSync(own, linkModules(files, JSON.stringify(dirname(entry))), { mode: 0o600 })
// Others may be at it, or start from what is there.
renameSync(own, target)
