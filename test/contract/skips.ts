/** Promises that a kind of channel does not make, each with its reason. */
import { sourceCases } from '../../core/testing/contract/source-contract.ts'

export const unordered = {
  reason: 'its receivers compete for records, so it is not an ordered source',
  promises: ['on an ordered source, releasing a record releases all claimed after it in its lane'],
}

export const oneGroup = {
  reason: 'a queue gives each record to one receiver, whatever its group, from the first record on',
  promises: [
    'start applies once, to a reader without a position',
    'a group gets every record, whatever other groups did',
  ],
}

export const cannotDefer = {
  reason: 'a stream keeps its order, so a record of it cannot be deferred',
  promises: ['deferred records come again later, with their attempts'],
}

export const noConnection = {
  reason: 'it lives in the process, or in a file: there is no connection to cut and no server to restart',
  promises: sourceCases.filter(({ needs }) => needs !== undefined).map(({ promise }) => promise),
}
