/** Tells what happens, in lines for people: the flow's events, and what the app's log has to warn of. */
import { type Log, onFlowEvent } from 'millrace'

export const say = (line: string): void => {
  process.stdout.write(`${new Date().toISOString().slice(11, 23)}  ${line}\n`)
}

onFlowEvent('invoked', ({ mapping, records, report }) => {
  const { outcome, cold, durationMs } = report
  const failures = outcome.kind === 'answered' ? failuresIn(outcome.value) : []
  const result =
    outcome.kind === 'answered'
      ? `${records.length - failures.length} done`
      : `${outcome.kind}: ${'error' in outcome ? outcome.error.message : ''}`
  const failed = failures
    .map(({ itemIdentifier, error }) => `; ${itemIdentifier} failed: ${error?.message ?? '?'}`)
    .join('')
  say(
    `${mapping}: batch of ${records.length} in ${durationMs.toFixed(1)} ms${cold ? ' (cold start)' : ''}: ${result}${failed}`,
  )
})

onFlowEvent('parked', ({ mapping, record, reason }) => say(`${mapping}: ${record.id} is a dead letter now (${reason})`))

onFlowEvent('breaker', ({ mapping, state }) => say(`${mapping}: breaker ${state}`))

interface Failure {
  readonly itemIdentifier: string
  readonly error?: { readonly message: string }
}

const failuresIn = (value: unknown): readonly Failure[] =>
  (value as { readonly batchItemFailures?: readonly Failure[] } | null)?.batchItemFailures ?? []

/** Warnings and errors only: what goes well is told by the events. */
export const narrate: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (message, fields) => say(`! ${message} ${textOf(fields)}`),
  error: (message, fields) => say(`!! ${message} ${textOf(fields)}`),
  with: () => narrate,
}

const textOf = (fields: Readonly<Record<string, unknown>> = {}): string =>
  Object.entries(fields)
    .map(([name, value]) => `${name}=${value instanceof Error ? value.message : JSON.stringify(value)}`)
    .join(' ')
