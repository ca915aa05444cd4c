/** A batch of 100 records of 1 KB of JSON, one invocation after the other. */
export const INVOCATIONS_A_ROUND = 2_000

export const BODIES: readonly Uint8Array[] = Array.from({ length: 100 }, (_, index) =>
  Buffer.from(
    JSON.stringify({
      id: `order-${index}`,
      lines: Array.from({ length: 20 }, (_line, line) => ({ sku: `sku-${line}`, count: line, note: 'xxxxxxxxxx' })),
    }),
  ),
)

/** Invocations per second of a round. */
export const invocationsPerSecond = async (invokeOnce: () => Promise<void>): Promise<number> => {
  const start = performance.now()
  for (let index = 0; index < INVOCATIONS_A_ROUND; index += 1) await invokeOnce()
  return INVOCATIONS_A_ROUND / ((performance.now() - start) / 1_000)
}
