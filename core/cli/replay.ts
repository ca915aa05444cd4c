/** `millrace dlq replay`: asks for it, then watches until every letter is processed, failed again, or waits for a host. */
import type { Command } from 'commander'
import { typedLetterId } from '../../dlq/letter-id.ts'
import type { LetterState, LetterSummary, RefusedReplay, ReplayAnswer } from '../../dlq/store.ts'
import { sleep } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import { type Log, silentLog } from '../log.ts'
import type { ProcessStatus } from '../status-board.ts'
import { type ConfigChoice, loadChosen, loadState, withConfig } from './config-option.ts'
import type { ExitCode, HostedApp, Run } from './host.ts'
import { linesTo, plainLine } from './lines.ts'
import { count, printable } from './text.ts'

interface ReplayChoice extends ConfigChoice {
  readonly all?: true
  readonly mapping?: string
  readonly here?: true
}

export const addReplay = (dlq: Command, run: Run, exit: (code: ExitCode) => void): void => {
  withConfig(dlq.command('replay').description('have dead letters run again by the app that hosts their mapping'))
    .argument('[ids...]', 'as in dlq list')
    .option('-a, --all', 'all that are open')
    .option('-m, --mapping <name>', 'with --all: only those of this mapping')
    .option('--here', 'run their functions in this command, not in a running app')
    .addHelpText(
      'after',
      '\nExit code 1 when one failed again or could not be replayed. Ctrl-C ends the watching only.',
    )
    .action(async (ids: readonly string[], choice: ReplayChoice) => exit(await replay(ids, choice, run)))
}

const replay = async (typed: readonly string[], choice: ReplayChoice, run: Run): Promise<ExitCode> => {
  checkSelection(typed, choice)
  const { file, folder, config } = await (choice.here ? loadChosen : loadState)(choice, run)
  const app = await run.host.createApp(config, { configFile: file, log: logOf(choice, run), sources: 'replays' })
  const interrupted = new AbortController()
  const stopListening = run.terminal.onSignal(() => interrupted.abort())
  try {
    const chosen = choice.all ? await notResolved(app, choice.mapping) : [...new Set(typed.map(typedLetterId))]
    const answer = await request(app, chosen)
    run.terminal.stdout.write(`${answerText(answer)}\n`)
    const refused = new Set(answer.refused.filter(isRefused).map(({ id }) => id))
    const ids = chosen.filter(id => !refused.has(id))
    if (choice.here && ids.length > 0) await app.start()
    const stateDir = await run.host.stateDirOf(config, folder)
    const where = choice.here ? 'here' : 'elsewhere'
    const code = ids.length === 0 ? 0 : await watch(app, { ids, stateDir, where, signal: interrupted.signal }, run)
    return refused.size > 0 ? 1 : code
  } finally {
    stopListening()
    await app.stop()
  }
}

const checkSelection = (ids: readonly string[], { all, mapping }: ReplayChoice): void => {
  if (ids.length === 0 && !all) throw new MillraceError('CLI_USAGE', 'name the ids of dead letters, or --all')
  if (ids.length > 0 && all) throw new MillraceError('CLI_USAGE', 'give either ids or --all')
  if (mapping !== undefined && !all) throw new MillraceError('CLI_USAGE', '--mapping goes with --all')
}

/** What functions do here is of interest here; elsewhere the app that runs them says it. */
const logOf = ({ here }: ReplayChoice, { host, terminal }: Run): Log =>
  here ? linesTo(host.clock, line => void terminal.stderr.write(`${plainLine(line)}\n`)) : silentLog

const request = async (app: HostedApp, ids: readonly string[]): Promise<ReplayAnswer> =>
  ids.length === 0 ? { requested: 0, refused: [] } : app.deadLetters.replay({ ids })

/** One that was requested before is on its way like those requested now. */
const isRefused = ({ reason }: RefusedReplay): boolean => reason === 'unknown' || reason === 'resolved'

const answerText = ({ requested, refused }: ReplayAnswer): string => {
  const before = refused.filter(each => !isRefused(each)).length
  return [
    requested > 0 ? `replay of ${count(requested, 'dead letter')} requested` : '',
    before > 0 ? `replay of ${count(before, 'dead letter')} was requested before` : '',
    ...refused.filter(isRefused).map(({ id, reason }) => printable(`${id} is not replayed: ${reason}`)),
    requested + refused.length === 0 ? 'nothing to replay' : '',
  ]
    .filter(line => line !== '')
    .join('\n')
}

const PAGE = 500

const notResolved = async (app: HostedApp, mapping?: string): Promise<readonly string[]> =>
  (await lettersIn(app, undefined, mapping)).map(({ id }) => id)

/** All letters in this state, or in any but resolved; page by page, because one answer is bounded. */
const lettersIn = async (app: HostedApp, state?: LetterState, mapping?: string): Promise<readonly LetterSummary[]> => {
  const found: LetterSummary[] = []
  for (;;) {
    const last = found.at(-1)
    const filter = {
      limit: PAGE,
      ...(state === undefined ? {} : { state }),
      ...(mapping === undefined ? {} : { mapping }),
      ...(last ? { before: last.id } : {}),
    }
    const page = await app.deadLetters.list(filter)
    found.push(...page)
    if (page.length < PAGE) return found
  }
}

interface Watched {
  readonly ids: readonly string[]
  readonly stateDir: string
  readonly where: 'here' | 'elsewhere'
  readonly signal: AbortSignal
}

const LOOK_EVERY_MS = 250
/** An app that starts now, or that was asleep, has had its chance after this. */
const HOST_WITHIN_MS = 30_000

const watch = async (app: HostedApp, watched: Watched, run: Run): Promise<0 | 1> => {
  const { clock } = run.host
  const { stdout } = run.terminal
  const ids = new Set(watched.ids)
  const chosen = (letters: readonly LetterSummary[]): readonly LetterSummary[] =>
    letters.filter(({ id }) => ids.has(id))
  const giveUpAt = clock.monotonic() + HOST_WITHIN_MS
  for (;;) {
    // Requested first: a letter that is claimed between the two looks is then seen twice, not missed.
    const requested = chosen(await lettersIn(app, 'requested'))
    const running = chosen(await lettersIn(app, 'replaying'))
    if (requested.length + running.length === 0) {
      const failed = chosen(await lettersIn(app, 'open'))
      stdout.write(`${endText(watched.ids.length, failed)}\n`)
      return failed.length === 0 ? 0 : 1
    }
    if (watched.signal.aborted) {
      stdout.write(
        `${count(requested.length + running.length, 'dead letter')} not replayed yet; an app that runs goes on\n`,
      )
      return 0
    }
    if (watched.where === 'elsewhere' && running.length === 0 && clock.monotonic() >= giveUpAt) {
      const lonely = withoutHost(requested, await run.host.readStatus(watched.stateDir), clock.now())
      for (const mapping of lonely) stdout.write(`${pendingText(mapping)}\n`)
      if (lonely.length > 0) return 0
    }
    await sleep(clock, LOOK_EVERY_MS, watched.signal)
  }
}

/**
 * The mappings of these letters that no running app hosts. An app that has said nothing for so long as a host is waited
 * for hosts nothing: it is stopped, or its row was left behind.
 */
export const withoutHost = (
  letters: readonly Pick<LetterSummary, 'mapping'>[],
  processes: readonly ProcessStatus[],
  now: number,
): readonly string[] => {
  const hosted = new Set(
    processes
      .filter(({ updatedAt }) => now - updatedAt < HOST_WITHIN_MS)
      .flatMap(({ status }) =>
        status.mappings.filter(({ replay }) => replay?.state === 'running').map(({ name }) => name),
      ),
  )
  return [...new Set(letters.map(({ mapping }) => mapping))].filter(mapping => !hosted.has(mapping))
}

const pendingText = (mapping: string): string =>
  printable(`pending: no running app hosts mapping ${mapping}; start one or use --here`)

const endText = (all: number, failed: readonly LetterSummary[]): string =>
  failed.length === 0
    ? `${count(all, 'dead letter')} replayed`
    : printable(
        `${count(all - failed.length, 'dead letter')} replayed, ${failed.length} failed again; look at one: millrace dlq show ${failed[0]?.id}`,
      )
