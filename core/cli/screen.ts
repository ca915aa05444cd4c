/** The live view of a running app, as text for one screen. Pure: what is shown depends on the arguments alone. */
import type { AppMappingStatus, AppStatus } from '../app-status.ts'
import { type LogLine, plainLine } from './lines.ts'
import { age, cut, printable, table } from './text.ts'

export interface View {
  readonly status: AppStatus
  /** Records accepted in the last second, by mapping. */
  readonly perSecond: ReadonlyMap<string, number>
  /** The last lines of the log, oldest first. */
  readonly log: readonly LogLine[]
  /** Milliseconds since the epoch. */
  readonly now: number
  /** What stands at the right end of the first line: `Ctrl-C stops`. */
  readonly hint: string
}

export interface Size {
  readonly columns: number
  readonly rows: number
}

/**
 * Exactly `rows` lines of at most `columns` characters. Mappings come before functions before the log, which takes
 * what is left; when even the mappings do not fit, a line says how many are not shown.
 */
export const renderScreen = (view: View, { columns, rows }: Size): string => {
  const mappings = mappingLines(view)
  const functions = functionLines(view.status)
  const top = [title(view, columns), '', ...mappings, ...worries(view), '', ...functions, '']
  const fitting = top.length <= rows ? top : [...top.slice(0, rows - 1), `… ${top.length - rows + 1} lines more`]
  const left = rows - fitting.length
  const log = left > 0 ? view.log.slice(-left).map(plainLine) : []
  const lines = [...fitting, ...log]
  const blank = Array.from({ length: Math.max(rows - lines.length, 0) }, () => '')
  return [...lines, ...blank]
    .slice(0, rows)
    .map(line => cut(line, columns))
    .join('\n')
}

const title = ({ status, now, hint }: View, columns: number): string => {
  const since = status.startedAt === undefined ? '' : ` for ${age(Math.max(now - status.startedAt, 0))}`
  const left = printable(`millrace ${status.name} · ${status.state}${since}`)
  const gap = columns - left.length - hint.length
  return gap < 2 ? left : left + ' '.repeat(gap) + hint
}

const mappingLines = ({ status, perSecond }: View): readonly string[] =>
  table([
    ['MAPPING', 'READS', 'STATE', 'PER SECOND', 'ACCEPTED', 'RETRIED', 'PARKED', 'IN FLIGHT', 'WAITING'],
    ...status.mappings.map(mapping => [
      mapping.name,
      mapping.channel,
      stateText(mapping),
      perSecond.get(mapping.name) ?? 0,
      mapping.counts.accepted + (mapping.replay?.counts.accepted ?? 0),
      mapping.counts.retried + (mapping.replay?.counts.retried ?? 0),
      mapping.counts.parked + (mapping.replay?.counts.parked ?? 0),
      mapping.inFlight + (mapping.replay?.inFlight ?? 0),
      mapping.waiting + (mapping.replay?.waiting ?? 0),
    ]),
  ])

/** One word for a mapping: what is wrong goes before what it does. */
export const stateText = (mapping: AppMappingStatus): string => {
  if (mapping.waitsForSource) return 'waits for source'
  if (mapping.state === 'running' && mapping.breaker === 'open') return 'breaker open'
  if (mapping.state === 'running' && !mapping.healthy) return 'unhealthy'
  return mapping.state
}

/** What a mapping waits for, since when and why; undefined where its source is there. */
export const outageText = ({ name, channel, waitsForSource }: AppMappingStatus, now: number): string | undefined =>
  waitsForSource &&
  `! ${name}: waits for ${channel} since ${age(Math.max(now - waitsForSource.since, 0))}: ${waitsForSource.message}`

export const stoppedText = (name: string, stopped: readonly string[]): string =>
  `! ${name}: stopped behind dead letters: ${stopped.join(', ')}; replay them, or millrace resume ${name}`

const worries = ({ status, now }: View): readonly string[] =>
  status.mappings.flatMap(mapping => {
    const lastError = mapping.lastError && `! ${mapping.name}: ${mapping.lastError.message}`
    const lines = [outageText(mapping, now) ?? lastError ?? []].flat()
    const { name, stopped } = mapping
    if (stopped.length > 0) lines.push(stoppedText(name, stopped))
    if (mapping.blocked.length > 0) lines.push(`! ${mapping.name}: waits for ${mapping.blocked.join(', ')}`)
    return lines.map(printable)
  })

/** A table of functions; the last column is what they would have cost on Lambda, in US dollars. */
export const functionLines = (status: AppStatus): readonly string[] =>
  table([
    ['FUNCTION', 'VERSION', 'ENVIRONMENTS', 'BUSY', 'INVOCATIONS', 'COLD STARTS', 'GB-S', 'LAMBDA $'],
    ...status.functions.map(({ name, version, environments, busy, usage, coldStarts }) => [
      name,
      version.slice(0, 8),
      environments,
      busy,
      usage.requests,
      coldStarts,
      usage.gbSeconds.toFixed(1),
      usage.estimatedUsd.toFixed(4),
    ]),
  ])

/** By what the limits of functions are kept; those of which it is the same share a line. */
export const limitLines = ({ functions }: AppStatus): readonly string[] => {
  const names = new Map<string, string[]>()
  for (const { name, limits } of functions) {
    const cpu = limits.cpu === 'off' ? 'all there is (cpuShares is off)' : limits.cpu
    const text = `memory ${limits.memory}, CPU ${cpu}, processes ${limits.processes}`
    names.set(text, [...(names.get(text) ?? []), name])
  }
  return [...names].map(([text, of]) => printable(`limits of ${of.join(', ')}: ${text}`))
}
