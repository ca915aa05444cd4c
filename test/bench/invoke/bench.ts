import type { Bench } from '../contestant.ts'
import { millrace } from './millrace.ts'
import { rawSocketpair } from './raw-socketpair.ts'

export const invoke: Bench = {
  name: 'invoke',
  unit: 'invocations/s',
  contestants: [rawSocketpair, millrace('inline'), millrace('process')],
}
