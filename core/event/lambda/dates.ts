/** Times as AWS writes them, in UTC. Whatever a broker has for a time, these never throw. */
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const two = (part: number): string => String(part).padStart(2, '0')

/** `Jan 1, 1970, 12:33:41 AM`; null for a date that is none. */
export const readableTime = (date: Date): string | null => {
  if (Number.isNaN(date.getTime())) return null
  const hours = date.getUTCHours()
  const clock = `${hours % 12 === 0 ? 12 : hours % 12}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`
  const day = `${MONTHS[date.getUTCMonth()]} ${date.getUTCDate()}, ${date.getUTCFullYear()}`
  return `${day}, ${clock} ${hours < 12 ? 'AM' : 'PM'}`
}

/** `12/Mar/2020:19:03:58 +0000`. */
export const logTime = (timeMs: number): string => {
  const date = new Date(timeMs)
  const day = `${two(date.getUTCDate())}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}`
  return `${day}:${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000`
}
