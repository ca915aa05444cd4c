import { embedded } from 'millrace'
import { z } from 'zod'

const local = embedded()

export const Order = z.object({ id: z.string(), note: z.string().optional() })
export const orders = local.queue('orders', { schema: Order })
export const answers = local.queue<{ readonly answer: string }>('answers')
export const hastyAnswers = local.queue<{ readonly answer: string }>('hasty-answers')
