/** `millrace send`: records from the command line, a file or stdin to a channel, and what of them was confirmed. */
import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import type { Header, OutgoingRecord } from '../contract.ts'
import { silentLog } from '../log.ts'
import { type ConfigChoice, loadChosen, withConfig } from './config-option.ts'
import type { HostedApp, Run } from './host.ts'
import { lines, readBody, usage } from './input.ts'
import type { AddCommand } from './program.ts'
import { progressOn } from './progress.ts'
import { bodyLine, bytes, type Common, commonParts, headerOption, recordLine } from './records.ts'
import { count, group, printable } from './text.ts'

interface SendChoice extends ConfigChoice {
  readonly file?: string
  readonly ndjson?: true
  readonly records?: true
  readonly key?: string
  readonly header?: readonly Header[]
}

export const addSend: AddCommand = (program, run, exit) => {
  withConfig(program.command('send').description('send records to a channel and say how many were confirmed'))
    .argument('<channel>', 'the address of a channel of the configuration: connection/channel')
    .argument('[body]', 'the body of one record, sent as it stands; without it, NDJSON is read from stdin')
    .option('-f, --file <file>', 'the body of one record is what the file has')
    .option('--ndjson', 'with --file: it has a JSON body a line')
    .option('--records', 'a line is {"key", "headers", "body" or "data", "id", "delay"}')
    .option('-k, --key <key>', 'the key of every record that does not say its own')
    .option('-H, --header <name=value>', 'a header of every record; may be given again', addHeader)
    .addHelpText(
      'after',
      `
Exit code 1 when a record was not confirmed or a line could not be sent; the others were sent.
Examples:
  millrace send local/orders '{"id":"1","total":5}' --key 1
  millrace send local/orders < orders.ndjson
  millrace send local/orders --records --file orders.ndjson`,
    )
    .action(async (channel: string, body: string | undefined, choice: SendChoice) =>
      exit(await send(channel, body, choice, run)),
    )
}

const addHeader = (text: string, before: readonly Header[] = []): readonly Header[] => {
  const header = headerOption(text)
  if (!header) throw usage(`--header must be name=value, got ${JSON.stringify(text)}`)
  return [...before, header]
}

const send = async (channel: string, body: string | undefined, choice: SendChoice, run: Run): Promise<0 | 1> => {
  const common: Common = { headers: choice.header ?? [], ...(choice.key === undefined ? {} : { key: choice.key }) }
  const given = inputOf(body, choice, run)
  const { file, config } = await loadChosen(choice, run)
  const app = await run.host.createApp(config, { configFile: file, log: silentLog })
  const tally = newTally(channel, run)
  try {
    if ('line' in given) await sendLines(given.line, choice.records ? recordLine : bodyLine, common, app, tally)
    else await sendBatch([{ ...commonParts(common), body: await given.body() }], app, tally)
  } finally {
    await app.stop()
  }
  return tally.close()
}

type Input = { readonly body: () => Promise<Uint8Array> } | { readonly line: AsyncIterable<string> }

/** Where records come from; throws CLI_USAGE for none, or two. */
const inputOf = (body: string | undefined, choice: SendChoice, { terminal }: Run): Input => {
  const byLine = choice.records || choice.ndjson
  if (body !== undefined && (choice.file !== undefined || byLine))
    throw usage('a body on the command line goes without --file, --ndjson and --records')
  if (body !== undefined) return { body: async () => bytes(body) }
  if (choice.file !== undefined) {
    const path = resolve(terminal.cwd, choice.file)
    return byLine ? { line: lines(createReadStream(path)) } : { body: () => readBody(path) }
  }
  if (terminal.stdin.isTTY) throw usage('there is nothing to send: give a body, --file, or NDJSON on stdin')
  return { line: lines(terminal.stdin) }
}

const BATCH_RECORDS = 500
const BATCH_BYTES = 1_048_576

const sendLines = async (
  source: AsyncIterable<string>,
  parse: typeof bodyLine,
  common: Common,
  app: HostedApp,
  tally: Tally,
): Promise<void> => {
  let batch: OutgoingRecord[] = []
  let batchBytes = 0
  let number = 0
  const flush = async (): Promise<void> => {
    await sendBatch(batch, app, tally)
    batch = []
    batchBytes = 0
  }
  for await (const line of source) {
    number += 1
    if (line.trim() === '') continue
    const parsed = parse(line, common)
    if ('problem' in parsed) tally.problem(`line ${number} ${parsed.problem}`)
    else {
      batch.push(parsed.record)
      batchBytes += parsed.record.body?.length ?? 0
    }
    if (batch.length >= BATCH_RECORDS || batchBytes >= BATCH_BYTES) await flush()
  }
  await flush()
}

const sendBatch = async (records: readonly OutgoingRecord[], app: HostedApp, tally: Tally): Promise<void> => {
  if (records.length === 0) return
  const answers = await app.sendOutgoing(tally.channel, records)
  tally.confirm(answers.filter(answer => answer === null).length)
  for (const error of answers) if (error) tally.problem(error.message)
}

interface Tally {
  readonly channel: string
  confirm(records: number): void
  problem(message: string): void
  /** Says the count; 1 when there was a problem. */
  close(): 0 | 1
}

const SAID_PROBLEMS = 20

const newTally = (channel: string, { terminal }: Run): Tally => {
  const { stdout, stderr } = terminal
  let confirmed = 0
  let problems = 0
  const progress = progressOn(stderr)
  return {
    channel,
    confirm(records) {
      confirmed += records
      progress.show(`${group(confirmed)} confirmed`)
    },
    problem(message) {
      problems += 1
      progress.clear()
      if (problems <= SAID_PROBLEMS) stderr.write(`${printable(message)}\n`)
    },
    close() {
      progress.clear()
      if (problems > SAID_PROBLEMS) stderr.write(`… and ${group(problems - SAID_PROBLEMS)} problems more\n`)
      const failed = problems === 0 ? '' : `, ${group(problems)} not sent or not confirmed`
      stdout.write(`${count(confirmed, 'record')} confirmed by ${channel}${failed}\n`)
      return problems === 0 ? 0 : 1
    },
  }
}
