import type { Foreign, ReadHeader } from '../foreign.ts'

/** What another Millrace sent to a channel of dead letters. */
export const readMillrace = (header: ReadHeader): Foreign | undefined => {
  const value = (name: string) => header(`millrace-dead-${name}`)
  const source = value('source')
  // Whole letters are taken in by an import.
  if (source === undefined || value('format') === 'envelope') return undefined
  const failedAt = Date.parse(value('parked-at') ?? '')
  const position = positionOf(value('position'))
  const group = value('group')
  return {
    from: 'millrace',
    origin: source,
    ...(position ? { position } : {}),
    ...(Number.isNaN(failedAt) ? {} : { failedAt }),
    ...(group === undefined ? {} : { group }),
    error: { name: value('error-name') ?? 'Error', message: value('error-message') ?? '' },
  }
}

const positionOf = (text = ''): Foreign['position'] => {
  try {
    const json: unknown = JSON.parse(text)
    if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined
    const entries = Object.entries(json).filter(([, value]) => typeof value === 'string' || typeof value === 'number')
    return Object.fromEntries(entries)
  } catch {
    return undefined
  }
}
