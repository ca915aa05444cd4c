import { env } from 'millrace'
import { rabbitmq } from 'millrace/rabbitmq'

const shop = rabbitmq('shop', { url: env('DEPLOYS_URL'), heartbeat: '2s' })

export const jobs = shop.queue<{ readonly job: string }>(String(process.env.DEPLOYS_QUEUE))
