/** Runs the app, sends itself signed webhooks, right ones and wrong ones, and says how each was answered. */
import { createHmac, randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createApp } from 'millrace'
import { PORT } from './channels.ts'
import config, { BOOK } from './millrace.config.ts'

const SECRET = process.env.WEBHOOK_SECRET ?? 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const LOOK_EVERY_MS = 50
const TEN_MINUTES_S = 600

interface Webhook {
  readonly id: string
  readonly body: string
  /** Seconds since the epoch. */
  readonly at?: number
  /** What is sent in place of the body that was signed. */
  readonly sent?: string
}

const url = `http://127.0.0.1:${PORT}`
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const nowS = Math.floor(Date.now() / 1_000)

const send = async (what: string, { id, body, at = nowS, sent = body }: Webhook): Promise<void> => {
  const key = Buffer.from(SECRET.replace('whsec_', ''), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64')
  const answer = await fetch(`${url}/webhooks/orders`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(at),
      'webhook-signature': `v1,${signature}`,
    },
    body: sent,
  })
  const { detail, message } = (await answer.json()) as { detail?: string; message: string }
  const replayed = answer.headers.has('idempotency-replayed') ? ', answered before' : ''
  say(`${what}: ${answer.status} ${detail ?? message}${replayed}`)
}

await mkdir(dirname(BOOK), { recursive: true })
await writeFile(BOOK, '')
const app = createApp(config, { configFile: join(import.meta.dirname, 'millrace.config.ts') })
await app.start()

const order = (id: string, total: number): string => JSON.stringify({ id, customer: 'ada', total })
const run = randomUUID()
const first = { id: `msg_${run}_1`, body: order('o-1', 40) }
await send('an order', first)
await send('the same delivery again', first)
await send('another order', { id: `msg_${run}_2`, body: order('o-2', 2) })
await send('one that was changed on its way', { id: `msg_${run}_3`, body: order('o-3', 1), sent: order('o-3', 1_000) })
await send('one that somebody kept for ten minutes', {
  id: `msg_${run}_4`,
  body: order('o-4', 1),
  at: nowS - TEN_MINUTES_S,
})
await send('one that is no order', { id: `msg_${run}_5`, body: '{"id":"o-5","customer":"ada","total":"much"}' })

const totals = async (): Promise<{ orders?: number }> =>
  (await fetch(`${url}/totals/ada`)).json() as Promise<{ orders?: number }>
while ((await totals()).orders !== 2) await pause(LOOK_EVERY_MS)
say(`totals of ada: ${JSON.stringify(await totals())}`)
await app.stop()
