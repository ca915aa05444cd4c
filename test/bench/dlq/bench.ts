import { type Bench, independent } from '../contestant.ts'
import { handWritten } from './hand-written.ts'
import { millrace } from './millrace.ts'

export const deadLetters: readonly Bench[] = (['park', 'replay'] as const).map(job => ({
  name: `dlq/${job}`,
  unit: 'records/s',
  open: independent([handWritten(job), millrace(job)]),
}))
