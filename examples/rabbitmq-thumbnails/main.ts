/** Another program, which knows nothing of Millrace, uploads to the exchange; then what became of each upload is said. */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'amqplib'
import { createApp } from 'millrace'
import { emptyGallery, names, thumbnail } from './gallery.ts'
import config from './millrace.config.ts'
import { asText, readImage } from './netpbm.ts'
import { uploads } from './uploads.ts'

const LOOK_EVERY_MS = 100

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const begunAt = Date.now()
emptyGallery()
// Starting makes the exchange and the queue, and binds them.
const app = createApp(config, { configFile: join(import.meta.dirname, 'millrace.config.ts') })
await app.start()

const website = await connect(process.env.RABBITMQ_URL ?? 'amqp://guest:guest@localhost:5672')
const channel = await website.createConfirmChannel()
const unwanted: string[] = []
channel.on('return', ({ properties }) => unwanted.push(String(properties.messageId)))
for (const { name, kind, bytes } of uploads)
  channel.publish('media', kind, Buffer.from(bytes), { messageId: name, persistent: true, mandatory: true })
await channel.waitForConfirms()
say(`${uploads.length} uploads; no queue wanted ${unwanted.join(', ')}`)

/** Those of an earlier run stay until somebody replays them. */
const letters = async () => (await app.deadLetters.list()).filter(({ parkedAt }) => parkedAt >= begunAt)
while (names().length + (await letters()).length < uploads.length - unwanted.length) await pause(LOOK_EVERY_MS)

for (const name of names()) {
  const bytes = thumbnail(name)
  const { width, height } = readImage(bytes)
  const [, made = ''] = /# (.*)\n/.exec(Buffer.from(bytes).toString('latin1')) ?? []
  say(`${name}: ${width} × ${height}, ${made}`)
}
say(asText(readImage(thumbnail('sun.ppm'))))
for (const { recordId, reason, errorMessage } of await letters())
  say(`${recordId} is a dead letter (${reason}): ${errorMessage}`)

await app.stop()
await website.close()
