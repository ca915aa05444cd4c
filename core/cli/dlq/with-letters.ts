/** What commands on dead letters share: an app whose store can be asked, and who asks. */
import type { Command } from 'commander'
import type { ByWhom } from '../../letters-contract.ts'
import { silentLog } from '../../log.ts'
import { type ConfigChoice, loadState } from '../config-option.ts'
import type { HostedApp, Run } from '../host.ts'

/** An app that is not started: its store can be asked, whether another process runs it or not. */
export const withLetters = async <Result>(
  choice: ConfigChoice,
  run: Run,
  use: (app: HostedApp) => Promise<Result>,
): Promise<Result> => {
  const { file, config } = await loadState(choice, run)
  const app = await run.host.createApp(config, { configFile: file, log: silentLog })
  try {
    return await use(app)
  } finally {
    await app.stop()
  }
}

export interface WhomChoice {
  readonly by?: string
  readonly reason?: string
}

/** For commands that change something. */
export const withWhom = (command: Command): Command =>
  command
    .option('--by <name>', 'who does it, for the audit; by default the user of this machine')
    .option('--reason <text>', 'why, for the audit')

export const whomOf = ({ by, reason }: WhomChoice, { host }: Run): ByWhom => ({
  operator: by ?? host.user(),
  ...(reason === undefined ? {} : { reason }),
})
