/**
 * Keys of ours beside a key of the user's, in the same hash slot: a script may touch only keys of one slot, in a
 * Cluster.
 *
 *   clicks        →  {clicks}:millrace:…
 *   {shop}:clicks →  {shop}:clicks:millrace:…
 */

/**
 * What keys of ours beside `name` begin with. A name with a `}` but without a hash tag cannot be met in one slot; a
 * Cluster refuses it with CROSSSLOT.
 */
export const keyPrefix = (name: string): string => (hasHashTag(name) ? `${name}:millrace:` : `{${name}}:millrace:`)

/** Redis hashes what stands between the first `{` and the next `}`, where there is anything. */
const hasHashTag = (name: string): boolean => {
  const open = name.indexOf('{')
  return open >= 0 && name.indexOf('}', open + 1) > open + 1
}
