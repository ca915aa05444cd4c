/** Whether the system will hand these variables to a process: told by name, before it refuses all of them without one. */
import { MillraceError } from '../../errors.ts'

/** Linux's limit for one `NAME=value`, with the zero at its end. Elsewhere there is only the one for all. */
const MAX_VARIABLE_BYTES = 131_071
/** A quarter of a usual stack, which all variables and arguments share; the rest is for our own. */
const MAX_TOTAL_BYTES = 2_000_000

/** Throws FUNCTION_INIT_FAILED that names what is too large or cannot be a variable, and says what to do. */
export const checkPassable = (functionName: string, variables: Readonly<Record<string, string>>): void => {
  const refuse = (name: string, what: string): never => {
    throw new MillraceError('FUNCTION_INIT_FAILED', `functions.${functionName}.env.${name} ${what}`, { fatal: true })
  }
  let totalBytes = 0
  for (const [name, value] of Object.entries(variables)) {
    const bytes = Buffer.byteLength(name) + 1 + Buffer.byteLength(value)
    totalBytes += bytes
    if (/[=\0]/.test(name) || name === '') refuse(JSON.stringify(name), 'must be named without "=" and zero bytes')
    if (value.includes('\0')) refuse(name, 'must be a text without zero bytes, which no variable can have')
    if (bytes > MAX_VARIABLE_BYTES)
      refuse(name, `must have at most ${MAX_VARIABLE_BYTES} bytes with its name, got ${bytes}; ${ADVICE}`)
  }
  if (totalBytes > MAX_TOTAL_BYTES)
    throw new MillraceError(
      'FUNCTION_INIT_FAILED',
      `functions.${functionName}.env must have at most ${MAX_TOTAL_BYTES} bytes in all, got ${totalBytes}; ${ADVICE}`,
      { fatal: true },
    )
}

const ADVICE = 'write it to a file, and give the function the path of that'
