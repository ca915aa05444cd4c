/** `millrace dlq replay`: asks for it, then watches until every letter has ended, or waits for a host. */
import { InvalidArgumentError } from 'commander'
import type { ReplayTarget } from '../../../dlq/replay-store.ts'
import { parseDuration } from '../../config/duration.ts'
import type { LetterSelection, ReplayAnswer, ReplayOptions } from '../../letters-contract.ts'
import { type Log, silentLog } from '../../log.ts'
import { type ConfigChoice, loadChosen, loadState, withConfig } from '../config-option.ts'
import type { ExitCode, HostedApp, Run } from '../host.ts'
import { linesTo, plainLine } from '../lines.ts'
import type { AddCommand } from '../program.ts'
import { count, printable } from '../text.ts'
import type { FilterChoice } from './filter-options.ts'
import { planText } from './job-text.ts'
import { selectionOf, withSelection } from './keep.ts'
import { watchReplay } from './watch.ts'
import { type WhomChoice, whomOf, withWhom } from './with-letters.ts'

interface ReplayChoice extends ConfigChoice, FilterChoice, WhomChoice {
  readonly all?: true
  readonly to?: string
  readonly rate?: number
  readonly concurrency?: number
  readonly canary?: number
  readonly stopOnFailures?: number
  readonly dryRun?: true
  readonly detach?: true
  readonly here?: true
  readonly json?: true
}

export const addReplay: AddCommand = (dlq, run, exit) => {
  const command = withConfig(
    dlq.command('replay').description('have dead letters run again by the app that hosts their mapping'),
  )
  withWhom(withSelection(command))
    .option('--to <target>', 'function (the default), source (where the record came from), or the address of a channel')
    .option('--rate <letters/time>', 'at most so many: 50/s, 10/m', rate)
    .option('--concurrency <number>', 'at most so many at once', wholeNumber)
    .option('--canary <number>', 'so many first, the others when these have ended well enough', wholeNumber)
    .option('--stop-on-failures <percent>', 'stop when more than this share failed, like 10%', percent)
    .option('--dry-run', 'say what would be replayed, and do nothing')
    .option('--detach', 'do not wait for the end')
    .option('--here', 'run their functions in this command; without ids and --all: what was asked for and nobody runs')
    .option('--json', 'the replay when it was made, or with --dry-run what it would be, as JSON')
    .addHelpText(
      'after',
      '\nExit code 1 when one failed again or could not be replayed. Ctrl-C ends the watching only.',
    )
    .action(async (ids: readonly string[], choice: ReplayChoice) => exit(await replay(ids, choice, run)))
}

const replay = async (ids: readonly string[], choice: ReplayChoice, run: Run): Promise<ExitCode> => {
  const selection = goesOn(ids, choice) ? undefined : selectionOf(ids, choice, run.host.clock.now())
  const options = optionsOf(choice, run)
  const { file, folder, config } = await (choice.here ? loadChosen : loadState)(choice, run)
  const app = await run.host.createApp(config, { configFile: file, log: logOf(choice, run), sources: 'replays' })
  const interrupted = new AbortController()
  const stopListening = run.terminal.onSignal(() => interrupted.abort())
  try {
    if (selection && choice.dryRun) return await plan(app, selection, options, choice, run)
    const asked = selection ? await request(app, selection, options, choice, run) : await unfinished(app, run)
    if (choice.here && asked.jobs.length > 0) await app.start()
    const stateDir = await run.host.stateDirOf(config, folder)
    const where = choice.here ? 'here' : 'elsewhere'
    let code: ExitCode = asked.refused ? 1 : 0
    for (const job of choice.detach ? [] : asked.jobs)
      code = (await watchReplay(app, { job, stateDir, where, signal: interrupted.signal }, run)) || code
    return code
  } finally {
    stopListening()
    await app.stop()
  }
}

/** `--here` and nothing else: what was asked for before, and that nobody hosts, is run here. */
const goesOn = (ids: readonly string[], { here, all, dryRun }: ReplayChoice): boolean =>
  here === true && ids.length === 0 && !all && !dryRun

interface Asked {
  readonly jobs: readonly string[]
  readonly refused: boolean
}

const request = async (
  app: HostedApp,
  selection: LetterSelection,
  options: ReplayOptions,
  choice: ReplayChoice,
  { terminal }: Run,
): Promise<Asked> => {
  const answer = await app.deadLetters.replay(selection, options)
  terminal.stdout.write(`${choice.json ? JSON.stringify(answer) : answerText(answer)}\n`)
  return { jobs: answer.job === undefined ? [] : [answer.job], refused: answer.refused.length > 0 }
}

const unfinished = async (app: HostedApp, { terminal }: Run): Promise<Asked> => {
  const jobs = await app.deadLetters.jobs({ state: 'running' })
  if (jobs.length === 0) terminal.stdout.write('no replay waits\n')
  return { jobs: jobs.map(({ id }) => id), refused: false }
}

const plan = async (
  app: HostedApp,
  selection: LetterSelection,
  options: ReplayOptions,
  choice: ReplayChoice,
  { terminal }: Run,
): Promise<0> => {
  const planned = await app.deadLetters.plan(selection, options)
  const text = choice.json ? JSON.stringify(planned, undefined, 2) : planText(planned, options.target ?? FUNCTION)
  terminal.stdout.write(`${text}\n`)
  return 0
}

const FUNCTION: ReplayTarget = { kind: 'function' }

const optionsOf = (choice: ReplayChoice, run: Run): ReplayOptions => {
  const { to, rate: perSecond, concurrency, canary, stopOnFailures: stopAt } = choice
  return {
    ...(to === undefined ? {} : { target: targetOf(to) }),
    ...(perSecond === undefined ? {} : { perSecond }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(canary === undefined ? {} : { canary }),
    ...(stopAt === undefined ? {} : { stopAt }),
    ...whomOf(choice, run),
  }
}

const targetOf = (to: string): ReplayTarget =>
  to === 'function' || to === 'source' ? { kind: to } : { kind: 'channel', address: to }

/** What functions do here is of interest here; elsewhere the app that runs them says it. */
const logOf = ({ here }: ReplayChoice, { host, terminal }: Run): Log =>
  here ? linesTo(host.clock, line => void terminal.stderr.write(`${plainLine(line)}\n`)) : silentLog

const answerText = ({ job, requested, refused }: ReplayAnswer): string =>
  [
    ...(job === undefined ? [] : [`replay ${job} of ${count(requested, 'dead letter')}`]),
    ...refused.map(({ id, reason }) => printable(`${id} is not replayed: ${reason}`)),
    ...(job === undefined && refused.length === 0 ? ['nothing to replay'] : []),
  ].join('\n')

const wholeNumber = (text: string): number => {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('It must be a whole number from 1.')
  return number
}

const rate = (text: string): number => {
  const [, letters, unit] = /^(\d+(?:\.\d+)?)\/(s|m|h)$/.exec(text) ?? []
  const seconds = (parseDuration(`1${unit}`) ?? 0) / 1_000
  if (!(Number(letters) > 0) || seconds === 0) throw new InvalidArgumentError('It must be like 50/s, 10/m or 100/h.')
  return Number(letters) / seconds
}

const percent = (text: string): number => {
  const [, number] = /^(\d+(?:\.\d+)?)%?$/.exec(text) ?? []
  if (number === undefined || Number(number) > 100) throw new InvalidArgumentError('It must be like 10%.')
  return Number(number) / 100
}
