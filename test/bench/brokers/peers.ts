/** The peers live in a package of their own, so that nobody who installs Millrace installs them. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'

const FOLDER = new URL('../peers/', import.meta.url).pathname

/** The path of a peer's contestant. */
export const peer = (file: string): string => `${FOLDER}${file}`

/** Installs them unless they are here. Rejects when npm cannot. */
export const installPeers = async (say: (text: string) => void): Promise<void> => {
  if (existsSync(`${FOLDER}node_modules/.package-lock.json`)) return
  say(`installing the peers: npm ci in ${FOLDER}`)
  await promisify(execFile)('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: FOLDER })
}
