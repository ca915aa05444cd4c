/** The function of the engine's benches: a small answer, and an error should two requests ever run at once. */
let running = 0

export const handler = async (records: readonly { readonly data: unknown }[]): Promise<object> => {
  running += 1
  if (running > 1) throw new Error('two requests at once')
  const answer = await { ok: true, n: records.length }
  running -= 1
  return answer
}
