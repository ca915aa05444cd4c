import { embedded } from 'millrace'

export const orders = embedded().queue<{ readonly id: string }>('orders')
