/** `millrace start`: runs the app until a signal, then drains it. */

import type { AppStatus } from '../app-status.ts'
import { type ConfigChoice, loadChosen, withConfig } from './config-option.ts'
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
    .addHelpText('after', '\nA second signal ends it at once; what was not settled comes again.')
    .action(async (choice: StartChoice) => exit(await start(choice, run)))
}

const start = async (choice: StartChoice, run: Run): Promise<0 | 1> => {
  const { file, config } = await loadChosen(choice, run)
  const view = openView(chooseShow(run.terminal, choice), run.terminal, run.host.clock)
  try {
    const app = await run.host.createApp(config, { configFile: file, log: view.log })
    return await runUntilSignal(app, view, run)
  } finally {
    view.close()
  }
}

/**
 * Starts the app and drains it at the first signal; 0 when that was clean. The second signal does not wait: 1. An app
 * that cannot start is stopped, and its error is thrown.
 */
export const runUntilSignal = async (app: HostedApp, view: LiveView, { terminal }: Run): Promise<0 | 1> => {
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
