/** The option `deadLetters.alerts`: who is told of dead letters, and of which. */
import type { Alert } from '../dead-letters.ts'
import { parseDuration } from './duration.ts'
import { duration, flag, type OptionSpec, option, type Values, type Written } from './option.ts'
import { parseOptions } from './options.ts'
import type { Problem } from './problem.ts'
import { isSecretRef, type SecretRef } from './secret.ts'

export type AlertTarget = string | SecretRef | ((alert: Alert) => unknown)

export interface RateValue {
  readonly letters: number
  readonly withinMs: number
}

const inside = {
  to: option<AlertTarget, AlertTarget | undefined>({
    doc: 'Who is told: a URL, to which the alert is posted as JSON, or a function that gets it.',
    takes: 'a URL, or a function',
    expected: 'an http or https URL, env(…) with one, or a function',
    default: undefined,
    defaultText: 'required',
    read: value => (isTarget(value) ? value : undefined),
  }),
  newFailure: flag({ default: true, doc: 'Whether a failure with a fingerprint that was not there before is told.' }),
  rate: option<string, RateValue | undefined>({
    doc: 'So many letters in such a time are told, like `100/5m`.',
    takes: 'letters/duration',
    expected: "a number of letters and a duration, like '100/5m'",
    default: undefined,
    defaultText: 'none',
    read: readRate,
  }),
  olderThan: duration({
    min: '1m',
    max: '3650d',
    doc: 'That the oldest letter nobody resolved is older than this is told, once a day.',
  }),
}

export type AlertValues = Values<typeof inside>

type AlertWritten = Written<typeof inside> & { readonly to: AlertTarget }

/** One, or several. */
export const alertsOption: OptionSpec<AlertWritten | readonly AlertWritten[], readonly AlertValues[]> = {
  doc: 'Who is told of dead letters. An alert that cannot be sent is logged, and is no dead letter itself.',
  takes: 'an object, or several',
  default: [],
  defaultText: 'none',
  inside,
  parse(written, path) {
    const problems: Problem[] = []
    const values = [written].flat().flatMap((each, index) => {
      const at = Array.isArray(written) ? `${path}[${index}]` : path
      const parsed = parseOptions(inside, each, at)
      if ('problems' in parsed) problems.push(...parsed.problems)
      else if (parsed.value.to === undefined)
        problems.push({ path: `${at}.to`, message: 'is missing; it must be a URL or a function' })
      return 'value' in parsed ? [parsed.value] : []
    })
    return problems.length > 0 ? { problems } : { value: values }
  },
}

function readRate(value: unknown): RateValue | undefined {
  const [, letters, within] = /^(\d{1,9})\/(\S+)$/.exec(typeof value === 'string' ? value : '') ?? []
  const withinMs = parseDuration(within)
  return Number(letters) > 0 && withinMs !== undefined && withinMs > 0
    ? { letters: Number(letters), withinMs }
    : undefined
}

const isTarget = (value: unknown): value is AlertTarget =>
  typeof value === 'function' ||
  (typeof value === 'string' && /^https?:$/.test(URL.parse(value)?.protocol ?? '')) ||
  isSecretRef(value)
