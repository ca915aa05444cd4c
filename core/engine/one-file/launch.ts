/**
 * How one file of linked modules is started: by a launcher, which has V8 take the code from what an earlier start has
 * compiled. Node's own compile cache keeps of a module only what it compiles before it runs, so that every function of
 * the runtime would be compiled again at every start, which is a fifth of the time that Node itself takes.
 *
 *   child.cjs        the launcher, which Node is told to run
 *   child.code.cjs   the modules (link.ts)
 *   <compile cache>/child.code.cjs.<hash>.v8   written by the first environment once its first requests are over
 */

import { createHash } from 'node:crypto'

/** Where the linked modules of a launcher are. */
export const codeBeside = (launcher: string): string => launcher.replace(/\.cjs$/, '.code.cjs')

/**
 * Plain JavaScript, because it runs before anything that could take types off. What V8 does not take (another version,
 * other flags) it compiles anew. The first module exports `afterInit`, a list of what is done when there is time.
 */
const LAUNCHER = `'use strict'
const { readFileSync, renameSync, writeFileSync } = require('node:fs')
const { getCompileCacheDir } = require('node:module')
const { basename, join } = require('node:path')
const { Script } = require('node:vm')
const file = __filename.replace(/\\.cjs$/, '.code.cjs')
const cacheDir = getCompileCacheDir()
const kept = cacheDir && join(cacheDir, basename(file) + '.HASH.v8')
const compiled = () => {
  try {
    return kept && readFileSync(kept)
  } catch {
    // Nobody has written it yet.
  }
}
const script = new Script(readFileSync(file, 'latin1'), { filename: file, cachedData: compiled() })
const keep = () => {
  try {
    const own = [kept, process.pid, ...process.hrtime()].join('.')
    writeFileSync(own, script.createCachedData(), { mode: 0o600 })
    renameSync(own, kept)
  } catch {
    // No room for it: the next start compiles again.
  }
}
const { afterInit } = script.runInThisContext()(require, url => import(url), FOLDER)
if (kept && script.cachedDataRejected !== false) afterInit.push(keep)
`

const HASH_CHARS = 16

/**
 * Its text for these linked modules; `folder` is an expression for the folder that the first module counts as being in. What
 * was compiled is kept by the modules' hash: V8 takes whatever was compiled of a text that is as long.
 */
export const launcherFor = (code: string, folder: string): string => {
  const hash = createHash('sha256').update(code).digest('hex').slice(0, HASH_CHARS)
  return LAUNCHER.replace('HASH', hash).replace('FOLDER', () => folder)
}
