import { join } from 'node:path'
import { defineConfig } from 'millrace'
import { nightly, reports, watched } from './channels.ts'

const stateDir = process.env.REPORT_STATE ?? join(import.meta.dirname, '../../.millrace/nightly-report')

export const MAILS = join(stateDir, 'mails.jsonl')

export default defineConfig({
  name: 'nightly-report',
  stateDir,
  functions: { report: './functions/report.ts', mail: { file: './functions/mail.ts', env: { MAILS } } },
  defaults: { backoff: { initial: '100ms' } },
  mappings: {
    nightly: { source: nightly, function: 'report' },
    watched: { source: watched, function: 'report' },
    mail: { source: reports, function: 'mail' },
  },
})
