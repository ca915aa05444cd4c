/** `millrace deploy`: has the processes that run `millrace start` take the configuration and the functions as they are now. */
import { dirname } from 'node:path'
import { sleep } from '../clock.ts'
import type { DeployStatus } from '../deploys.ts'
import type { ProcessStatus } from '../status-board.ts'
import { type ConfigChoice, loadChosen, withConfig } from './config-option.ts'
import type { Host, Run } from './host.ts'
import type { AddCommand } from './program.ts'
import { printable } from './text.ts'

export const addDeploy: AddCommand = (program, run, exit) => {
  withConfig(
    program
      .command('deploy')
      .description('have running apps take the configuration and the functions as they are now, without a restart'),
  )
    .addHelpText(
      'after',
      '\nOnly what changed is exchanged: a changed function is a new version, old environments finish their request. ' +
        'What is wrong is not taken, and what ran before goes on. SIGHUP does the same to one process. ' +
        'Exit code 0 when every running process of this machine has taken it.',
    )
    .action(async (choice: ConfigChoice) => exit(await deploy(choice, run)))
}

const deploy = async (choice: ConfigChoice, { host, terminal }: Run): Promise<0 | 1> => {
  const { file, config } = await loadChosen(choice, { host, terminal })
  const stateDir = await host.stateDirOf(config, dirname(file))
  const { name } = config as { readonly name: string }
  const running = (await host.readStatus(stateDir)).filter(({ status }) => status.name === name)
  if (running.length === 0) {
    terminal.stdout.write(
      `no process runs ${printable(name)} on ${printable(stateDir)}; millrace start takes it as it is\n`,
    )
    return 1
  }
  const said = await Promise.all(running.map(process => deployTo(process, stateDir, host)))
  for (const { pid, text } of said) terminal.stdout.write(`process ${pid}: ${printable(text)}\n`)
  return said.every(({ taken }) => taken) ? 0 : 1
}

interface Said {
  readonly pid: number
  readonly taken: boolean
  readonly text: string
}

/** Loading a large configuration takes seconds on a busy machine; a process that says nothing for so long never will. */
const PATIENCE_MS = 30_000
const LOOK_MS = 100

const deployTo = async ({ pid, status }: ProcessStatus, stateDir: string, host: Host): Promise<Said> => {
  const before = status.deploys
  if (!before)
    return {
      pid,
      taken: false,
      text: 'is no millrace start: have it call app.reload, or restart it to take the change',
    }
  host.signal(pid, 'SIGHUP')
  const untilMs = host.clock.monotonic() + PATIENCE_MS
  while (host.clock.monotonic() < untilMs) {
    const now = (await host.readStatus(stateDir)).find(process => process.pid === pid)
    if (!now) return { pid, taken: false, text: 'has ended meanwhile' }
    const { deploys } = now.status
    if (deploys && deploys.count > before.count) return { pid, ...outcomeOf(deploys) }
    await sleep(host.clock, LOOK_MS, NEVER)
  }
  return { pid, taken: false, text: `said nothing for ${PATIENCE_MS / 1_000} s; see its log` }
}

const NEVER = new AbortController().signal

const outcomeOf = ({ last }: DeployStatus): Pick<Said, 'taken' | 'text'> => {
  if (last && 'error' in last) return { taken: false, text: `not taken: ${last.error}` }
  const changed = last?.changed ?? []
  return { taken: true, text: changed.length === 0 ? 'nothing has changed' : `changed: ${changed.join(', ')}` }
}
