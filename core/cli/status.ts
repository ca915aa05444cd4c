/** `millrace status`: what the processes that run on this state folder say of themselves. */
import type { ProcessStatus } from '../status-board.ts'
import { type ConfigChoice, loadState, withConfig } from './config-option.ts'
import type { Run } from './host.ts'
import type { AddCommand } from './program.ts'
import { functionLines, limitLines, outageText, stateText, stoppedText } from './screen.ts'
import { age, printable, table } from './text.ts'

interface StatusChoice extends ConfigChoice {
  readonly json?: true
}

export const addStatus: AddCommand = (program, run, exit) => {
  withConfig(program.command('status').description('show what running apps of this state folder do'))
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExit code 0 also when nothing runs.')
    .action(async (choice: StatusChoice) => exit(await status(choice, run)))
}

const status = async (choice: StatusChoice, run: Run): Promise<0> => {
  const { host, terminal } = run
  const { config, folder } = await loadState(choice, run)
  const stateDir = await host.stateDirOf(config, folder)
  const processes = await host.readStatus(stateDir)
  const text = choice.json
    ? JSON.stringify(processes, undefined, 2)
    : statusText(processes, { now: host.clock.now(), stateDir })
  terminal.stdout.write(`${text}\n`)
  return 0
}

/** A table of mappings for each process, with what is wrong below it. */
export const statusText = (
  processes: readonly ProcessStatus[],
  { now, stateDir }: { readonly now: number; readonly stateDir: string },
): string =>
  processes.length === 0
    ? `nothing runs on ${printable(stateDir)}; millrace start runs the app`
    : processes.map(each => processText(each, now)).join('\n\n')

const processText = ({ pid, updatedAt, status: app }: ProcessStatus, now: number): string => {
  const since = app.startedAt === undefined ? '' : ` for ${age(Math.max(now - app.startedAt, 0))}`
  const silentMs = now - updatedAt
  const silent = silentMs < SILENT_MS ? '' : ` · said nothing for ${age(silentMs)}`
  const head = printable(`${app.name} · process ${pid} · ${app.state}${since}${silent}`)
  const rows = app.mappings.map(mapping => [
    mapping.name,
    mapping.channel,
    stateText(mapping),
    mapping.counts.received,
    mapping.counts.accepted,
    mapping.counts.retried,
    mapping.counts.parked,
    mapping.inFlight,
    mapping.replay?.counts.accepted ?? 0,
  ])
  const errors = app.mappings.flatMap(mapping => {
    const { name, lastError, stopped } = mapping
    const error = outageText(mapping, now) ?? (lastError && `! ${name}: ${lastError.message} (${lastError.code})`)
    return [error ?? [], stopped.length > 0 ? stoppedText(name, stopped) : []].flat().map(printable)
  })
  const titles = ['MAPPING', 'READS', 'STATE', 'RECEIVED', 'ACCEPTED', 'RETRIED', 'PARKED', 'IN FLIGHT', 'REPLAYED']
  const functions = app.functions.length > 0 ? ['', ...functionLines(app), ...limitLines(app)] : []
  return [head, ...table([titles, ...rows]), ...errors, ...functions].join('\n')
}

/** A running app writes every second. */
const SILENT_MS = 5_000
