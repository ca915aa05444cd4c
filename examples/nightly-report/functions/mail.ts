/** Appends to a file what would be mailed. */
import { appendFile } from 'node:fs/promises'
import { onRecord } from 'millrace'
import { reports } from '../channels.ts'

export const handler = onRecord(reports, ({ data }) => appendFile(process.env.MAILS ?? '', `${JSON.stringify(data)}\n`))
