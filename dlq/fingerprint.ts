/** What makes two failures the same failure, for grouping. */
import { createHash } from 'node:crypto'
import type { ErrorInfo } from '../core/contract.ts'
import { isOwnFrame } from './frames.ts'

/** A word with a digit in it, and what continues it: 3.14, 12:30:01, order_8f3kd92, a uuid, an address. */
const PARTICULAR = /[\w-]*\d[\w-]*(?:[.,:/][\w-]*\d[\w-]*)*/g
const MESSAGE_CHARS = 1_000
const FINGERPRINT_CHARS = 12

/**
 * 12 hexadecimal digits: equal for failures of one function with the same error name, the same message when words with
 * digits in it are left out (numbers, ids, uuids; its first 1,000 characters count), thrown in the same place: the top 3
 * frames of its stack that are its own, by function and file, without lines and folders.
 */
export const fingerprint = (error: Pick<ErrorInfo, 'name' | 'message' | 'stack'>, functionName: string): string =>
  createHash('sha256')
    .update(JSON.stringify([functionName, error.name, withoutParticulars(error.message), ...ownFrames(error.stack)]))
    .digest('hex')
    .slice(0, FINGERPRINT_CHARS)

const withoutParticulars = (message: string): string => message.slice(0, MESSAGE_CHARS).replaceAll(PARTICULAR, '#')

const FRAMES = 3
const STACK_CHARS = 10_000

const ownFrames = (stack = ''): readonly string[] =>
  stack
    .slice(0, STACK_CHARS)
    .split('\n')
    .filter(isOwnFrame)
    .slice(0, FRAMES)
    .map(line => {
      const [, name = '', place = ''] = /^\s+at (?:(.*?) \()?(.*?)\)?$/.exec(line) ?? []
      return `${name} ${place
        .replace(/(?::\d+){1,2}$/, '')
        .split(/[\\/]/)
        .at(-1)}`
    })
