/** Uploads price lists as suppliers do, one slowly and one that is none, and says where they went and what was in them. */
import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createApp } from 'millrace'
import { UPLOADS } from './channels.ts'
import config, { PRICES } from './millrace.config.ts'

const LOOK_EVERY_MS = 100

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const inbox = (path: string): string => join(UPLOADS, 'inbox', path)

await rm(UPLOADS, { recursive: true, force: true })
await mkdir(inbox('spring'), { recursive: true })
await writeFile(PRICES, '')
// Before anybody watches: it is found at the start.
await writeFile(inbox('cups.csv'), 'cup;990\nsaucer;450\n')

const app = createApp(config, { configFile: join(import.meta.dirname, 'millrace.config.ts') })
await app.start()

await writeFile(inbox('holiday.jpg'), 'not a price list')
// Nobody sees it before it is complete.
await writeFile(inbox('spring/beds.csv.tmp'), 'bed;45900\n')
await rename(inbox('spring/beds.csv.tmp'), inbox('spring/beds.csv'))
for (const line of ['green tea;390', 'black tea;350', 'white tea;790']) {
  await appendFile(inbox('tea.csv'), `${line}\n`)
  await pause(200)
}
say('uploaded: cups.csv before the start, holiday.jpg, spring/beds.csv by renaming, tea.csv line by line')

const filesIn = async (folder: string): Promise<readonly string[]> => {
  const entries = await readdir(join(UPLOADS, folder), { recursive: true, withFileTypes: true }).catch(() => [])
  const paths = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  return paths.map(path => path.slice(UPLOADS.length + 1)).toSorted()
}
while ((await filesIn('inbox')).length > 0) await pause(LOOK_EVERY_MS)
await app.stop()

const lists = (await readFile(PRICES, 'utf8')).split('\n').slice(0, -1)
const byPath = new Map(lists.map((line): [string, string] => [JSON.parse(line).path, line]))
for (const [path, line] of [...byPath].toSorted()) {
  const { articles, cents } = JSON.parse(line)
  say(`${path}: ${articles} articles for ${(cents / 100).toFixed(2)} EUR`)
}
for (const path of [...(await filesIn('done')), ...(await filesIn('failed'))]) say(path)
