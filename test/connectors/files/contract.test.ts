import { sourceContract } from '../../../core/testing/contract/source-contract.ts'
import { noConnection, unordered } from '../../contract/skips.ts'
import { filesHarness } from './opened.ts'

sourceContract('watched folder', filesHarness, [
  unordered,
  noConnection,
  {
    reason: 'nothing can be sent to it: its bodies are its own',
    promises: [
      'a body, key or header of any bytes arrives unchanged',
      'poll stops adding records once their bodies reach maxBytes, and one record may always come',
    ],
  },
])
