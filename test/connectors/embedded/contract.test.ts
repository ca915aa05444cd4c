import { sourceContract } from '../../../core/testing/contract/source-contract.ts'
import { cannotDefer, noConnection, oneGroup, unordered } from '../../contract/skips.ts'
import { openEmbedded } from './opened.ts'

sourceContract('embedded queue', test => openEmbedded(test, { type: 'queue' }), [unordered, oneGroup, noConnection])
sourceContract('embedded topic', test => openEmbedded(test, { type: 'topic' }), [unordered, noConnection])
sourceContract('embedded stream', test => openEmbedded(test, { type: 'stream' }), [cannotDefer, noConnection])
