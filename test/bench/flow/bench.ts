/** What a record costs without any broker: CPU and not time, so that it can be told on a machine that is not quiet. */
import { type Bench, independent } from '../contestant.ts'
import { bothOf, hostOf } from './runner.ts'

export const flow: Bench = {
  name: 'flow',
  unit: 'µs CPU a record',
  open: independent([
    hostOf('the flow alone', { engine: 'alone', order: 'none' }),
    hostOf('the flow alone, by lanes', { engine: 'alone', order: 'lane' }),
    hostOf('inline', { engine: 'inline', order: 'none' }),
    ...bothOf('process', { engine: 'process', order: 'none' }),
    ...bothOf('process, by lanes', { engine: 'process', order: 'lane' }),
  ]),
}
