/** Hosts the mapping until it is killed: `host-main.ts <kind> <url> <stateDir>`. */
import { type Kind, openApp } from './config.ts'

const [kind, url = '', stateDir = ''] = process.argv.slice(2)
await openApp({ kind: kind as Kind, url, stateDir }).start()
process.stdout.write('hosting\n')
