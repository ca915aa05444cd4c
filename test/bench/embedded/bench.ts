import { type Bench, independent } from '../contestant.ts'
import { handWritten } from './hand-written.ts'
import { millrace } from './millrace.ts'
import { rawProcess } from './raw-process.ts'

export const embedded: Bench = {
  name: 'embedded',
  unit: 'records/s',
  open: independent([handWritten, millrace('inline'), millrace('process'), rawProcess]),
}
