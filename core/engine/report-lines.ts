/** The lines that Lambda writes around each invocation, for people who read logs and for tools that parse them. */
import type { Report, Version } from './contract.ts'

export const startLine = (requestId: string, version: Version): string =>
  `START RequestId: ${requestId} Version: ${version}`

/** `Status` and what follows it only where the invocation did not answer; `Init Duration` and those of a restore only on a cold start. */
export const endLines = (requestId: string, report: Report): readonly string[] => [
  `END RequestId: ${requestId}`,
  [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${report.durationMs.toFixed(2)} ms`,
    `Billed Duration: ${report.billedMs} ms`,
    `Memory Size: ${report.memoryMb} MB`,
    ...(report.maxMemoryMb === undefined ? [] : [`Max Memory Used: ${Math.ceil(report.maxMemoryMb)} MB`]),
    ...(report.initMs === undefined ? [] : [`Init Duration: ${report.initMs.toFixed(2)} ms`]),
    ...restoreOf(report),
    ...statusOf(report),
  ].join('\t'),
]

const restoreOf = ({ restoreMs }: Report): readonly string[] =>
  restoreMs === undefined
    ? []
    : [`Restore Duration: ${restoreMs.toFixed(2)} ms`, `Billed Restore Duration: ${Math.ceil(restoreMs)} ms`]

const statusOf = ({ outcome }: Report): readonly string[] => {
  if (outcome.kind === 'answered') return []
  if (outcome.kind === 'aborted') return ['Status: aborted']
  if (outcome.error.code === 'FUNCTION_TIMEOUT') return ['Status: timeout']
  return ['Status: error', `Error Type: ${outcome.error.code ?? outcome.error.name}`]
}
