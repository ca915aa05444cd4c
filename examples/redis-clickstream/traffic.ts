/** A day of a small shop: the same every time. */
import type { z } from 'zod'
import type { Click } from './channels.ts'

const PAGES = ['/', '/tea', '/tea', '/cups', '/basket']
const MINUTE_MS = 60_000
const DAY_BEGINS = Date.UTC(2026, 0, 1)

/** The click with this number. A visitor clicks every 20 minutes, and every tenth time pauses for two hours first. */
export const nextClick = (number: number): z.infer<typeof Click> => {
  const [visitor, step] = [number % 3, Math.floor(number / 3)]
  const minutes = step * 20 + Math.floor(step / 10) * 120
  return {
    visitor: `visitor-${visitor}`,
    page: PAGES[number % PAGES.length] ?? '/',
    at: DAY_BEGINS + minutes * MINUTE_MS,
  }
}
