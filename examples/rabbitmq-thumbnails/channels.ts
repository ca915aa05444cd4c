import { env } from 'millrace'
import { rabbitmq } from 'millrace/rabbitmq'

const media = rabbitmq('media', { url: env('RABBITMQ_URL', 'amqp://guest:guest@localhost:5672') })

/** What is uploaded goes to the exchange `media`, keyed by its kind; this queue gets the images, as bytes. */
export const images = media.queue('thumbnails', {
  codec: 'bytes',
  bind: [{ exchange: 'media', type: 'topic', keys: ['image.*'] }],
})

/** What was no image, byte for byte, for whoever looks after that. */
export const rejected = media.queue('thumbnails.rejected', { codec: 'bytes' })
