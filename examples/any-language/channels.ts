import { embedded } from 'millrace'

const local = embedded()

/** `net` is a text: an amount of money is not to become a number with a binary fraction on its way. */
export const orders = local.queue<{ readonly id: string; readonly country: string; readonly net: string }>('orders')

export const parcels = local.queue<{ readonly Order: string; readonly To: string; readonly Fragile: boolean }>(
  'parcels',
)
