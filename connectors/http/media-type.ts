/** Whether a body is what its codec can read, as its content type says. */

/** `wanted`: media types; a `*` stands for any text. Parameters are not looked at; nothing is taken as nothing. */
export const isWanted = (contentType: string | undefined, wanted: readonly string[]): boolean => {
  if (wanted.includes('*')) return true
  const [mediaType = ''] = (contentType ?? '').split(';', 1)
  const plain = mediaType.trim().toLowerCase()
  return wanted.some(each => patternOf(each).test(plain))
}

const patterns = new Map<string, RegExp>()

const patternOf = (wanted: string): RegExp => {
  const known = patterns.get(wanted)
  if (known) return known
  const parts = wanted
    .toLowerCase()
    .split('*')
    .map(part => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
  const pattern = new RegExp(`^${parts.join('[^;]*')}$`)
  patterns.set(wanted, pattern)
  return pattern
}
