/**
 * The generated parts of the documentation, between `<!-- name -->` and `<!-- /name -->`: tables of options and errors, the
 * command line's help. `node tools/docs.ts` writes them; a test says when they are not what the code says.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cloudEventsOptions } from '../connectors/cloudevents/channel.ts'
import { cronOptions } from '../connectors/cron/channel.ts'
import { embeddedOptions } from '../connectors/embedded/channel.ts'
import { filesOptions } from '../connectors/files/channel.ts'
import { httpOptions } from '../connectors/http/options.ts'
import { kafkaOptions } from '../connectors/kafka/channel.ts'
import { postgresOptions } from '../connectors/postgres/channel.ts'
import { outboxDdl, outboxTable } from '../connectors/postgres/table.ts'
import { rabbitOptions } from '../connectors/rabbitmq/options.ts'
import { redisOptions } from '../connectors/redis/channel.ts'
import { createProgram } from '../core/cli/program.ts'
import { systemClock } from '../core/clock.ts'
import { appOptions } from '../core/config/app-options.ts'
import { functionOptions } from '../core/config/function-options.ts'
import { idempotencyOption } from '../core/config/idempotency-options.ts'
import { policyOptions } from '../core/config/mapping-options.ts'
import { optionsTable } from '../core/config/options.ts'
import { enforcedTable } from '../core/engine/enforced.ts'
import { ERROR_CODES } from '../core/errors.ts'
import { DEAD_LETTER_SCHEMA, envelopeTable } from '../dlq/schema.ts'

const ROOT = new URL('../', import.meta.url)

export const GENERATED_FILES = [
  'docs/configuration.md',
  'docs/errors.md',
  'docs/idempotency.md',
  'docs/command-line.md',
  'docs/dead-letters.md',
  'core/engine/README.md',
  'connectors/cloudevents/README.md',
  'connectors/cron/README.md',
  'connectors/embedded/README.md',
  'connectors/http/README.md',
  'connectors/files/README.md',
  'connectors/kafka/README.md',
  'connectors/postgres/README.md',
  'connectors/rabbitmq/README.md',
  'connectors/redis/README.md',
]

const PARTS: Readonly<Record<string, () => string>> = {
  'app options': () => optionsTable(appOptions),
  'function options': () => optionsTable(functionOptions),
  'idempotency options': () => optionsTable(idempotencyOption.inside ?? {}),
  'mapping options': () => optionsTable(policyOptions),
  'embedded connection options': () => optionsTable(embeddedOptions.connection),
  'embedded topic options': () => optionsTable(embeddedOptions.channels.topic),
  'embedded stream options': () => optionsTable(embeddedOptions.channels.stream),
  'http connection options': () => optionsTable(httpOptions.connection),
  'http route options': () => optionsTable(httpOptions.channels.route),
  'http door options': () => optionsTable(httpOptions.channels.door),
  'files folder options': () => optionsTable(filesOptions.channels.folder),
  'kafka connection options': () => optionsTable(kafkaOptions.connection),
  'kafka topic options': () => optionsTable(kafkaOptions.channels.topic),
  'postgres connection options': () => optionsTable(postgresOptions.connection),
  'postgres outbox options': () => optionsTable(postgresOptions.channels.outbox),
  'outbox statements': () => `\`\`\`sql\n${outboxDdl(outboxTable('outbox'))}\`\`\``,
  'rabbitmq connection options': () => optionsTable(rabbitOptions.connection),
  'rabbitmq queue options': () => optionsTable(rabbitOptions.channels.queue),
  'rabbitmq exchange options': () => optionsTable(rabbitOptions.channels.exchange),
  'redis connection options': () => optionsTable(redisOptions.connection),
  'redis stream options': () => optionsTable(redisOptions.channels.stream),
  'redis list options': () => optionsTable(redisOptions.channels.list),
  'redis subscription options': () => optionsTable(redisOptions.channels.subscription),
  'cloudevents connection options': () => optionsTable(cloudEventsOptions.connection),
  'cloudevents event options': () => optionsTable(cloudEventsOptions.channels.event),
  'cron schedule options': () => optionsTable(cronOptions.channels.schedule),
  'error codes': () =>
    [
      '| code | meaning |',
      '|---|---|',
      ...Object.entries(ERROR_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`),
    ].join('\n'),
  isolations: enforcedTable,
  'dead letter': envelopeTable,
  'command line': commandLine,
}

/** The text of a file with its generated parts as the code has them now. Throws when it names a part there is not. */
export const generated = (file: string): string =>
  readFileSync(new URL(file, ROOT), 'utf8').replaceAll(
    /<!-- (?!\/)([^>]+) -->[\s\S]*?<!-- \/\1 -->/g,
    (_whole, name: string) => {
      const part = PARTS[name]
      if (!part)
        throw new Error(
          `${file}: there is no generated part ${JSON.stringify(name)}; there are: ${Object.keys(PARTS).join(', ')}`,
        )
      return `<!-- ${name} -->\n${part()}\n<!-- /${name} -->`
    },
  )

function commandLine(): string {
  const output = { columns: 100, write: () => true }
  const terminal = {
    cwd: '.',
    stdin: process.stdin,
    stdout: output,
    stderr: output,
    onSignal: () => () => undefined,
    onReload: () => () => undefined,
  }
  const never = (): never => {
    throw new Error('help asks nothing of the host')
  }
  const host = {
    clock: systemClock,
    createApp: never,
    stateDirOf: never,
    readStatus: never,
    signal: never,
    user: never,
    editFile: never,
  }
  return allHelp(
    createProgram({ host, terminal }, () => undefined),
    '',
  )
}

interface Helpful {
  name(): string
  helpInformation(): string
  readonly commands: readonly Helpful[]
}

const allHelp = (command: Helpful, above: string): string => {
  const name = `${above}${command.name()}`
  const own = `### ${name}\n\n\`\`\`text\n${command.helpInformation().trimEnd()}\n\`\`\``
  return [own, ...command.commands.map(inner => allHelp(inner, `${name} `))].join('\n\n')
}

/** Published beside the code. */
export const SCHEMA_FILE = 'dlq/dead-letter.schema.json'

export const schemaText = (): string => `${JSON.stringify(DEAD_LETTER_SCHEMA, undefined, 2)}\n`

if (import.meta.main) {
  for (const file of GENERATED_FILES) writeFileSync(new URL(file, ROOT), generated(file))
  writeFileSync(new URL(SCHEMA_FILE, ROOT), schemaText())
}
