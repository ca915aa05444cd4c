/** What makes two failures the same failure, for grouping. */
import { createHash } from 'node:crypto'
import type { ErrorInfo } from '../core/contract.ts'

/** A word with a digit in it, and what continues it: 3.14, 12:30:01, order_8f3kd92, a uuid, an address. */
const PARTICULAR = /[\w-]*\d[\w-]*(?:[.,:/][\w-]*\d[\w-]*)*/g
const MESSAGE_CHARS = 1_000
const FINGERPRINT_CHARS = 12

/**
 * 12 hexadecimal digits: equal for failures of one function with the same error name and the same message, when
 * words with digits in the message (numbers, ids, uuids; its first 1,000 characters count) are left out.
 */
export const fingerprint = (error: Pick<ErrorInfo, 'name' | 'message'>, functionName: string): string =>
  createHash('sha256')
    .update(JSON.stringify([functionName, error.name, withoutParticulars(error.message)]))
    .digest('hex')
    .slice(0, FINGERPRINT_CHARS)

const withoutParticulars = (message: string): string => message.slice(0, MESSAGE_CHARS).replaceAll(PARTICULAR, '#')
