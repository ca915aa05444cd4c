/** The options of a channel as its source and sink use them: checked and in units of the code, defaults filled in. */
import type { OptionSpecs, Values } from '../../core/config/option.ts'
import type { ChannelRef } from '../../core/contract.ts'
import { redisOptions } from './channel.ts'

const { channels } = redisOptions

export type StreamSettings = Values<typeof channels.stream>
export type ListSettings = Values<typeof channels.list>
export type SubscriptionSettings = Values<typeof channels.subscription>

export const streamSettings = ({ options }: ChannelRef): StreamSettings => complete(channels.stream, options)
export const listSettings = ({ options }: ChannelRef): ListSettings => complete(channels.list, options)
export const subscriptionSettings = ({ options }: ChannelRef): SubscriptionSettings =>
  complete(channels.subscription, options)

/** Validation has checked and completed them; a channel of a test or a tool may name only what differs. */
const complete = <Specs extends OptionSpecs>(specs: Specs, options: ChannelRef['options']): Values<Specs> =>
  Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [name, options[name] ?? spec.default]),
  ) as Values<Specs>
