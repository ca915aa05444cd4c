/** `millrace start`: runs the app until a signal, then drains it. */

import type { AppStatus } from '../app-status.ts'
import { findConfig } from '../config/load.ts'
import { configReloader } from '../config/reload.ts'
import { createDeploys } from '../deploys.ts'
import { type ConfigChoice, withConfig } from './config-option.ts'
import type { HostedApp, Run } from './host.ts'
import type { AddCommand } from './program.ts'
import { chooseShow, type LiveView, openView } from './view.ts'

export interface StartChoice extends ConfigChoice {
  readonly json?: true
  readonly plain?: true
}

export const addStart: AddCommand = (program, run, exit) => {
  withConfig(program.command('start').description('run the app until SIGINT or SIGTERM, then drain it'))
    .option('--json', 'log JSON lines')
    .option('--plain', 'log plain lines, in a terminal too')
    .addHelpText(
      'after',
      '\nA second signal ends it at once; what was not settled comes again. ' +
        'At SIGHUP it takes the configuration and the functions as they are now; millrace deploy does that and says what came of it.',
    )
    .action(async (choice: StartChoice) => exit(await start(choice, run)))
}

const start = async (choice: StartChoice, run: Run): Promise<0 | 1> => runReloadable(choice, run, () => NOTHING)

const NOTHING = { close: async () => {} }

/** What else has an app take changes while it runs; `take` is called with what is to be known of them. */
export type WatchChanges = (
  file: string,
  take: (why: Readonly<Record<string, unknown>>) => Promise<void>,
) => {
  close(): Promise<void>
}

/** Runs the app until a signal. At SIGHUP, and when `watch` says so, it takes the configuration and functions as they are. */
export const runReloadable = async (choice: StartChoice, run: Run, watch: WatchChanges): Promise<0 | 1> => {
  const { host, terminal } = run
  const file = findConfig(terminal.cwd, choice.config)
  const reloader = configReloader(file)
  const view = openView(chooseShow(terminal, choice), terminal, host.clock)
  try {
    const load = async (): Promise<unknown> => (await reloader.load()).config
    const app: HostedApp = await host.createApp(await load(), {
      configFile: file,
      log: view.log,
      deploys: () => deploys.status(),
    })
    const deploys = createDeploys({ log: view.log, load, reload: config => app.reload(config) })
    const stopListening = terminal.onReload(() => void deploys.take({ signal: 'SIGHUP' }))
    const watching = watch(file, async why => {
      if (app.status().state === 'running') await deploys.take(why)
    })
    try {
      return await runUntilSignal(app, view, run)
    } finally {
      stopListening()
      await watching.close()
    }
  } finally {
    reloader.close()
    view.close()
  }
}

/**
 * Starts the app and drains it at the first signal; 0 when that was clean. The second signal does not wait: 1. An app
 * that cannot start is stopped, and its error is thrown.
 */
const runUntilSignal = async (app: HostedApp, view: LiveView, { terminal }: Run): Promise<0 | 1> => {
  const signals = signalCounter(terminal.onSignal)
  try {
    view.follow(() => app.status())
    const started = app.start().then(() => view.log.info(runningText(app.status())))
    await Promise.race([started, signals.first])
    await signals.first
    view.hint('stopping; Ctrl-C again ends it at once')
    view.log.info('stopping: running batches finish, nothing new is claimed; a second signal ends it at once')
    return await Promise.race([app.stop().then(() => 0 as const), signals.second.then(() => 1 as const)])
  } catch (error) {
    await app.stop()
    throw error
  } finally {
    signals.close()
  }
}

const runningText = ({ name, mappings }: AppStatus): string => {
  const each = mappings.map(mapping => {
    const verb = mapping.waitsForSource || mapping.state === 'starting' ? 'waits for' : 'reads'
    return `${mapping.name} ${verb} ${mapping.channel}`
  })
  return `${name} is running: ${each.join(', ') || 'no mappings'}`
}

interface Signals {
  readonly first: Promise<void>
  readonly second: Promise<void>
  close(): void
}

const signalCounter = (onSignal: (run: () => void) => () => void): Signals => {
  const first = Promise.withResolvers<void>()
  const second = Promise.withResolvers<void>()
  let seen = 0
  const close = onSignal(() => {
    seen += 1
    if (seen === 1) first.resolve()
    else second.resolve()
  })
  return { first: first.promise, second: second.promise, close }
}
