/** rascal: a subscription whose listener does nothing and acknowledges. It knows no batches: each record by itself. */
import Rascal from 'rascal'

export const consume = async ({ url, place }, progress) => {
  const config = Rascal.withDefaultConfig({
    vhosts: {
      '/': {
        connection: { url },
        queues: { [place]: { options: { durable: true } } },
        subscriptions: { jobs: { queue: place, prefetch: 2_000, contentType: 'application/octet-stream' } },
      },
    },
  })
  const broker = await Rascal.BrokerAsPromised.create(config)
  const subscription = await broker.subscribe('jobs')
  subscription.on('message', (_message, _content, ackOrNack) => {
    ackOrNack()
    progress(1)
  })
  return { stop: () => broker.shutdown() }
}
