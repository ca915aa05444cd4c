import { type Bench, independent } from '../contestant.ts'
import { millrace } from './millrace.ts'
import { rawSocketpair } from './raw-socketpair.ts'

export const invoke: Bench = {
  name: 'invoke',
  unit: 'invocations/s',
  open: independent([rawSocketpair, millrace('inline'), millrace('process'), millrace('runtime-api')]),
}
