/** `millrace dev`: like start, and takes every change of the configuration and of functions while it runs. */
import { basename, dirname, relative, sep } from 'node:path'
import { watch } from 'chokidar'
import type { Cancel, Clock } from '../clock.ts'
import { withConfig } from './config-option.ts'
import type { Run } from './host.ts'
import type { AddCommand } from './program.ts'
import { runReloadable, type StartChoice } from './start.ts'

export const addDev: AddCommand = (program, run, exit) => {
  withConfig(program.command('dev').description('like start, and takes changes of files while it runs'))
    .option('--json', 'log JSON lines')
    .option('--plain', 'log plain lines, in a terminal too')
    .addHelpText(
      'after',
      "\nWatches the configuration's folder. Only what changed is restarted; a file that is broken keeps what ran before.",
    )
    .action(async (choice: StartChoice) => exit(await dev(choice, run)))
}

const dev = (choice: StartChoice, run: Run): Promise<0 | 1> =>
  runReloadable(choice, run, (file, take) => watchFolder(dirname(file), run.host.clock, files => take({ files })))

/** An editor writes a file in several steps, and saves several files at once. */
const SETTLE_MS = 60

export interface Watching {
  close(): Promise<void>
}

/** Calls `take` with the files that changed, one call at a time; what changes meanwhile makes one further call. */
export const watchFolder = (
  folder: string,
  clock: Clock,
  take: (changed: readonly string[]) => Promise<void>,
): Watching => {
  const changed = new Set<string>()
  let cancel: Cancel | undefined
  let taking: Promise<void> | undefined

  const soon = (): void => {
    cancel?.()
    cancel = clock.after(SETTLE_MS, () => {
      if (taking || changed.size === 0) return
      const files = [...changed]
      changed.clear()
      taking = take(files).finally(() => {
        taking = undefined
        if (changed.size > 0) soon()
      })
    })
  }
  const watcher = watch(folder, { ignored: path => isIgnored(folder, path), ignoreInitial: true })
  watcher.on('all', (_event, path) => {
    if (!isCode(path)) return
    changed.add(relative(folder, path))
    soon()
  })
  return {
    async close() {
      cancel?.()
      await watcher.close()
      await taking
    },
  }
}

/** What Node loads, scripts of other languages, built programs and packages. Anything else may be written by the app itself, whose log must not make it load again for ever. */
export const isCode = (path: string): boolean =>
  /\.(?:[cm]?[jt]s|json|wasm|node|py|rb|php|pl|lua|sh|jar|zip)$/.test(path) || basename(path) === 'bootstrap'

const IGNORED: ReadonlySet<string> = new Set(['node_modules', '.git', '.millrace'])

/** Packages, state and the files an editor keeps beside the one that is edited. */
export const isIgnored = (folder: string, path: string): boolean =>
  relative(folder, path)
    .split(sep)
    .some(step => IGNORED.has(step)) || /^(\.#.*|.*~|.*\.sw[a-z]|\d{4})$/.test(basename(path))
