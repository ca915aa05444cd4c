/** `millrace dlq jobs`, `pause`, `resume` and `cancel`: the replays there are. */
import type { JobStatus } from '../../../dlq/replay-store.ts'
import { type ConfigChoice, withConfig } from '../config-option.ts'
import type { ExitCode, HostedApp, Run } from '../host.ts'
import type { AddCommand } from '../program.ts'
import { printable } from '../text.ts'
import { jobsText, jobText } from './job-text.ts'
import { type WhomChoice, whomOf, withLetters, withWhom } from './with-letters.ts'

const STEERED = { pause: 'paused', resume: 'resumed', cancel: 'cancelled' } as const

type Steer = keyof typeof STEERED

const DOES: Readonly<Record<Steer, string>> = {
  pause: 'have a replay take nothing more until it is resumed; what runs may end',
  resume: 'have a paused replay go on',
  cancel: 'end a replay; what it has not run stays open',
}

export const addJobs: AddCommand = (dlq, run, exit) => {
  withConfig(dlq.command('jobs').description('show the replays there are, or one of them'))
    .argument('[replay]', 'its id')
    .option('--json', 'as JSON')
    .action(async (id: string | undefined, choice: ConfigChoice & { readonly json?: true }) =>
      exit(await show(id, choice, run)),
    )
  for (const how of Object.keys(STEERED) as Steer[])
    withWhom(withConfig(dlq.command(how).description(DOES[how])))
      .argument('<replay>', 'as in dlq jobs')
      .action(async (id: string, choice: ConfigChoice & WhomChoice) => exit(await steer(how, id, choice, run)))
}

const show = (id: string | undefined, choice: ConfigChoice & { readonly json?: true }, run: Run): Promise<ExitCode> =>
  withLetters(choice, run, async app => {
    const found: readonly JobStatus[] =
      id === undefined ? await app.deadLetters.jobs() : [await app.deadLetters.job(id)]
    const now = run.host.clock.now()
    const text = id === undefined ? jobsText(found, now) : found.map(job => jobText(job)).join('\n')
    run.terminal.stdout.write(
      `${choice.json ? JSON.stringify(id === undefined ? found : found[0], undefined, 2) : text}\n`,
    )
    return 0 as const
  })

const steer = (how: Steer, id: string, choice: ConfigChoice & WhomChoice, run: Run): Promise<ExitCode> =>
  withLetters(choice, run, async app => {
    const { state } = await app.deadLetters.job(id)
    const done = await act(app, how, id, whomOf(choice, run))
    run.terminal.stdout.write(`${printable(done ? `${id} is ${STEERED[how]}` : `${id} is ${state} already`)}\n`)
    return done ? 0 : 1
  })

const act = ({ deadLetters }: HostedApp, how: Steer, id: string, by: ReturnType<typeof whomOf>): Promise<boolean> => {
  if (how === 'pause') return deadLetters.pauseReplay(id, by)
  return how === 'resume' ? deadLetters.resumeReplay(id, by) : deadLetters.cancelReplay(id, by)
}
