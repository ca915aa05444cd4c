import { embedded } from 'millrace'

const local = embedded()

export const jobs = local.queue<{ readonly job: string }>('jobs')
export const log = local.stream<{ readonly job: string }>('log', { partitions: 2 })
