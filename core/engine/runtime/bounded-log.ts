/** A line of `context.log` on its way to the host, as JSON: only so much of it. */
const MAX_CHARS = 65_536
const MAX_MESSAGE_CHARS = 4_096

/** Fields that make it too long are left out, and said to be. */
export const boundedLog = (level: string, message: string, fields: object): string => {
  const cut = message.length - MAX_MESSAGE_CHARS
  const shown = cut <= 0 ? message : `${message.slice(0, MAX_MESSAGE_CHARS)}… (${cut} more characters)`
  const text = JSON.stringify({ level, message: shown, fields })
  if (text.length <= MAX_CHARS) return text
  return JSON.stringify({ level, message: shown, fields: { fieldsLeftOut: `${text.length} characters` } })
}
