/** Runs the app until three reports were mailed, and says what they were. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createApp } from 'millrace'
import type { Report } from './channels.ts'
import config, { MAILS } from './millrace.config.ts'

const REPORTS = 3
const LOOK_EVERY_MS = 100

const say = (line: string): void => void process.stdout.write(`${line}\n`)

await mkdir(dirname(MAILS), { recursive: true })
await writeFile(MAILS, '')
const app = createApp(config, { configFile: join(import.meta.dirname, 'millrace.config.ts') })
await app.start()

/** Of each slot one, in order: what is delivered twice is the same report. */
const mailed = async (): Promise<readonly Report[]> => {
  const lines = (await readFile(MAILS, 'utf8')).split('\n').slice(0, -1)
  const bySlot = new Map(lines.map((line): [string, Report] => [JSON.parse(line).slot, JSON.parse(line)]))
  return [...bySlot.values()].toSorted((a, b) => a.slot.localeCompare(b.slot))
}

while ((await mailed()).length < REPORTS) await pause(LOOK_EVERY_MS)
await app.stop()

const reports = (await mailed()).slice(0, REPORTS)
const first = Date.parse(reports[0]?.slot ?? '')
for (const { slot, orders, total, attempt } of reports)
  say(`${(Date.parse(slot) - first) / 1_000} s after the first slot: ${orders} orders, ${total} EUR, at try ${attempt}`)
