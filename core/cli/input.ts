/** What commands are given to read: a file, or stdin. */
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { errorInfo, MillraceError } from '../errors.ts'

/** readline does not hand on errors of what it reads. */
export const lines = async function* (input: NodeJS.ReadableStream): AsyncGenerator<string> {
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {})
  input.once('error', error => failed.reject(unreadable(error)))
  const reader = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]()
  for (;;) {
    const next = await Promise.race([reader.next(), failed.promise])
    if (next.done) return
    yield next.value
  }
}

export const readBody = async (path: string): Promise<Uint8Array> => {
  try {
    return new Uint8Array(await readFile(path))
  } catch (error) {
    throw unreadable(error)
  }
}

export const readAll = async (input: NodeJS.ReadableStream): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of input) chunks.push(Buffer.from(chunk))
  } catch (error) {
    throw unreadable(error)
  }
  return Buffer.concat(chunks)
}

export const usage = (message: string): MillraceError => new MillraceError('CLI_USAGE', message)

const unreadable = (error: unknown): MillraceError =>
  new MillraceError('CLI_USAGE', `the input cannot be read: ${errorInfo(error).message}`, { cause: error })
