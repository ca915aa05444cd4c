/** A slot as a record: the same bytes whenever it is read. */
import type { ChannelRef, EventRecord } from '../../core/contract.ts'
import type { CronTick } from './channel.ts'
import { offsetAt } from './zone.ts'

export const recordOf = (channel: ChannelRef, zone: string, slotMs: number): EventRecord => {
  const slot = isoSeconds(slotMs)
  const tick: CronTick = { schedule: channel.name, slot, local: localTime(zone, slotMs), zone }
  return {
    id: `cron:${channel.name}:${slot}`,
    idStrength: 'stable',
    source: channel.address,
    time: slotMs,
    key: null,
    headers: [],
    body: new TextEncoder().encode(JSON.stringify(tick)),
    position: { schedule: channel.name, slot },
  }
}

/** What the clock of a zone shows, with its offset: `2026-03-29T03:00:00+02:00`. */
export const localTime = (zone: string, ms: number): string => {
  const offsetMs = offsetAt(zone, ms)
  const minutes = Math.floor(Math.abs(offsetMs) / 60_000)
  const [hour, minute] = [Math.floor(minutes / 60), minutes % 60].map(each => String(each).padStart(2, '0'))
  return `${isoSeconds(ms + offsetMs).slice(0, -1)}${offsetMs < 0 ? '-' : '+'}${hour}:${minute}`
}

const isoSeconds = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
