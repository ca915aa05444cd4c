import { embedded } from 'millrace'

/** Bytes, so that the machinery is measured and not a parser. */
export const jobs = embedded().queue('jobs', { codec: 'bytes' })
