import { sourceContract } from '../../../core/testing/contract/source-contract.ts'
import { noConnection, unordered } from '../../contract/skips.ts'
import { cronHarness } from './opened.ts'

sourceContract('schedule', cronHarness, [
  unordered,
  noConnection,
  {
    reason: 'nothing can be sent to a schedule: its bodies are its own',
    promises: [
      'a body, key or header of any bytes arrives unchanged',
      'poll stops adding records once their bodies reach maxBytes, and one record may always come',
    ],
  },
  {
    reason: 'it has no past: a reader begins with the slots that come due after it was opened first',
    promises: [
      'start applies once, to a reader without a position',
      'a group gets every record, whatever other groups did',
    ],
  },
])
