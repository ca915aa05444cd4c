/** An app with an HTTP server of its own, and what is known of it from outside: its address and its log. */
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createApp } from '../../../core/app.ts'
import type { App } from '../../../core/app-contract.ts'
import type { Config } from '../../../core/config/define.ts'
import { type LogFields, type LogLevel, logTo } from '../../../core/log.ts'
import { temporaryFolder } from '../../support/folder.ts'

export interface Line {
  readonly level: LogLevel
  readonly message: string
  readonly fields: LogFields
}

export interface Served {
  readonly app: App
  readonly url: string
  readonly port: number
  readonly stateDir: string
  readonly lines: readonly Line[]
}

/** Servers of the configuration listen on port 0. The app ends with the test. */
export const serve = async <Name extends string>(
  context: TestContext,
  config: Omit<Config<Name>, 'name'>,
): Promise<Served> => {
  const stateDir = config.stateDir ?? (await temporaryFolder(context))
  const lines: Line[] = []
  const app = createApp(
    { zygotes: 0, ...config, name: 'test', stateDir },
    {
      configFile: join(import.meta.dirname, 'millrace.config.ts'),
      log: logTo((level, message, fields) => lines.push({ level, message, fields })),
    },
  )
  context.after(() => app.stop())
  await app.start()
  const found = lines.find(({ message }) => message.startsWith('the server '))?.fields.url
  const url = typeof found === 'string' ? found : 'http://127.0.0.1'
  return { app, url, port: Number(new URL(url).port), stateDir, lines }
}
