/** `millrace idempotency`: what is known of a key, and having it forgotten. */
import type { App, FoundKey } from '../app-contract.ts'
import { MillraceError } from '../errors.ts'
import { silentLog } from '../log.ts'
import { ownerFromText } from '../owner.ts'
import { type ConfigChoice, loadChosen, withConfig } from './config-option.ts'
import type { ExitCode, Run } from './host.ts'
import type { AddCommand } from './program.ts'
import { age, printable } from './text.ts'

interface KeyChoice extends ConfigChoice {
  readonly mapping?: string
  readonly json?: true
  readonly force?: true
}

const WHICH = 'as the mapping or its function has it, or as an error names it: shop/charge:…'

export const addIdempotency: AddCommand = (program, run, exit) => {
  const idempotency = program.command('idempotency').description('look at idempotency keys and release them')
  withConfig(idempotency.command('show').description('say whether a key was processed, and who is at it'))
    .argument('<key>', WHICH)
    .option('-m, --mapping <name>', 'only of this mapping')
    .option('--json', 'as JSON')
    .action(async (key: string, choice: KeyChoice) => exit(await show(key, choice, run)))
  withConfig(idempotency.command('release').description('forget a key: its record runs when it comes again'))
    .argument('<key>', WHICH)
    .option('-m, --mapping <name>', 'only of this mapping')
    .option('--force', 'also where somebody is at it: then it may run twice at once')
    .action(async (key: string, choice: KeyChoice) => exit(await release(key, choice, run)))
}

const show = (key: string, choice: KeyChoice, run: Run): Promise<ExitCode> =>
  withKeys(choice, run, async keys => {
    const found = await keys.find(key, of(choice))
    const { stdout } = run.terminal
    if (choice.json) stdout.write(`${JSON.stringify(found, undefined, 2)}\n`)
    else if (found.length === 0)
      stdout.write(`nothing is known of ${printable(key)}: it was not processed, or that is forgotten\n`)
    else for (const each of found) stdout.write(`${keyText(each)}\n`)
    return found.length === 0 ? 1 : 0
  })

const release = (key: string, choice: KeyChoice, run: Run): Promise<ExitCode> =>
  withKeys(choice, run, async keys => {
    const busy = (await keys.find(key, of(choice))).filter(isHeld)
    if (busy.length > 0 && !choice.force)
      throw new MillraceError(
        'APP_STATE',
        `${printable(key)} is being processed (${busy.map(keyText).join('; ')}); wait until it is done, or say --force`,
      )
    const released = await keys.release(key, of(choice))
    const { stdout } = run.terminal
    if (released.length === 0) stdout.write(`nothing is known of ${printable(key)}\n`)
    for (const each of released) stdout.write(`released ${keyText(each)}\n`)
    return released.length === 0 ? 1 : 0
  })

const of = ({ mapping }: KeyChoice): { readonly mapping?: string } => (mapping === undefined ? {} : { mapping })

const isHeld = ({ stored }: FoundKey): boolean => stored.state === 'claimed' && (stored.leaseLeftMs ?? 0) > 0

/** `shop/charge  done, forgotten in 6d  fence 1767…`. */
export const keyText = ({ consumer, stored }: FoundKey): string => {
  const { state, fence, leaseLeftMs = 0, expiresInMs } = stored
  const owner = ownerFromText(stored.owner)
  const who = owner ? `process ${owner.pid}` : printable(stored.owner)
  const what = {
    claimed:
      leaseLeftMs > 0
        ? `in progress by ${who}, ${age(leaseLeftMs)} of its lease left`
        : `abandoned by ${who}: free for the next`,
    done: `processed, remembered for ${Number.isFinite(expiresInMs) ? age(expiresInMs) : 'ever'} more`,
    free: 'free: its last run failed or was given back',
    unreadable: 'not readable: nobody may claim it until it is released',
  }[state]
  return `${printable(consumer)}: ${what} (fence ${fence}, key ${printable(stored.key)})`
}

const withKeys = async <Result>(
  choice: KeyChoice,
  run: Run,
  use: (keys: App['idempotency']) => Promise<Result>,
): Promise<Result> => {
  const { file, config } = await loadChosen(choice, run)
  const app = await run.host.createApp(config, { configFile: file, log: silentLog })
  try {
    mustBeMapping(choice.mapping, config)
    return await use(app.idempotency)
  } finally {
    await app.stop()
  }
}

const mustBeMapping = (name: string | undefined, config: unknown): void => {
  const known = Object.keys((config as { readonly mappings?: object }).mappings ?? {})
  if (name === undefined || known.includes(name)) return
  throw new MillraceError(
    'CLI_USAGE',
    `there is no mapping ${JSON.stringify(name)}; there are: ${known.map(printable).join(', ') || 'none'}`,
  )
}
