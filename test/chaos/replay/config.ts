/** The app of a chaos run of replays: it hosts the mapping whose letters go back to the channel `orders`. */

import { kafka } from '../../../connectors/kafka/index.ts'
import { rabbitmq } from '../../../connectors/rabbitmq/index.ts'
import { createApp } from '../../../core/app.ts'
import { defineConfig } from '../../../core/index.ts'

export type Kind = 'kafka' | 'rabbitmq'

export interface Place {
  readonly kind: Kind
  readonly url: string
  readonly stateDir: string
}

export const SOURCE = 'shop/orders'

/** Reads nothing but replays: what is sent back stays in the broker, to be counted. */
export const openApp = ({ kind, url, stateDir }: Place) => {
  const orders =
    kind === 'kafka' ? kafka('shop', { brokers: url }).topic('orders') : rabbitmq('shop', { url }).queue('orders')
  return createApp(
    defineConfig({
      name: 'shop',
      stateDir,
      mappings: { charge: { source: orders, function: async () => {}, order: 'none' } },
    }),
    { sources: 'replays' },
  )
}
