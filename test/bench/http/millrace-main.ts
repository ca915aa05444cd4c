/** `node millrace-main.ts <port> <isolation> <state folder>`: the same route, whose function does the same. */

import { http } from '../../../connectors/http/channel.ts'
import { createApp } from '../../../core/app.ts'
import type { Isolation } from '../../../core/engine/contract.ts'

const [port, isolation, stateDir] = process.argv.slice(2) as [string, Isolation, string]
const api = http('api', { port: Number(port) })
const app = createApp(
  {
    name: 'bench',
    stateDir,
    functions: { noop: { file: './noop.ts', isolation } },
    mappings: { noop: { source: api.get('/noop'), function: 'noop' } },
  },
  { configFile: `${import.meta.dirname}/millrace.config.ts` },
)
await app.start()
process.stdout.write('ready\n')
process.on('SIGTERM', () => void app.stop().then(() => process.exit(0)))
