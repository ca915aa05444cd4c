/** Attempts for people: each in full, or what differs from the one before. Pure. */
import { isOwnFrame } from '../../../dlq/frames.ts'
import type { Attempt } from '../../contract.ts'
import { printable, printableLines } from '../text.ts'
import { time } from './letter-text.ts'

export const attemptLines = (attempts: readonly Attempt[], how: 'full' | 'differences'): readonly string[] =>
  attempts.flatMap((attempt, index) => {
    const before = how === 'full' ? undefined : attempts[index - 1]
    return [headLine(attempt, before), ...details(attempt, before)]
  })

const headLine = ({ number, at, durationMs, environment, error }: Attempt, before: Attempt | undefined): string => {
  const same = before && sameError(error, before.error)
  const took = durationMs === undefined ? [] : [`${Math.round(durationMs)} ms`]
  const where = environment === undefined ? [] : [environment]
  const what = same ? 'the same error' : `${error.name}: ${error.message}`
  return printable(`  ${[number, time(at), ...took, ...where, what].join(' · ')}`)
}

const sameError = (one: Attempt['error'], other: Attempt['error']): boolean =>
  one.name === other.name && one.message === other.message

const details = (attempt: Attempt, before: Attempt | undefined): readonly string[] => {
  const stack = stackFrames(attempt.error.stack)
  const logs = attempt.logs ?? []
  if (!before) return [...indented(stack), ...section('last output:', logs)]
  // What lies below a function differs by how it was called.
  const stackChange = changes(stackFrames(before.error.stack).filter(isOwnFrame), stack.filter(isOwnFrame))
  const logChange = changes(before.logs ?? [], logs)
  return [...indented(stackChange), ...section('output that differs:', logChange)]
}

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [`      ${title}`, ...indented(lines)]

/** Lines that went and lines that came, in their order. */
const changes = (before: readonly string[], after: readonly string[]): readonly string[] => {
  const [old, now] = [new Set(before), new Set(after)]
  return [
    ...before.filter(line => !now.has(line)).map(line => `- ${line}`),
    ...after.filter(line => !old.has(line)).map(line => `+ ${line}`),
  ]
}

/** The stack without its first lines, which repeat the error. */
const stackFrames = (stack = ''): readonly string[] => {
  const lines = stack.split('\n')
  const first = lines.findIndex(line => /^\s+at /.test(line))
  return first < 0 ? [] : lines.slice(first).map(line => line.trim())
}

const indented = (lines: readonly string[]): readonly string[] =>
  lines.flatMap(line => printableLines(line).split('\n')).map(line => `      ${line}`)
