export interface Sample {
  readonly seconds: number
  readonly mb: number
}

/** Megabytes a minute by which a least-squares line through the samples rises. */
export const slopePerMinute = (samples: readonly Sample[]): number => {
  const mean = (pick: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + pick(sample), 0) / samples.length
  const [seconds, mb] = [mean(sample => sample.seconds), mean(sample => sample.mb)]
  const spread = samples.reduce((sum, sample) => sum + (sample.seconds - seconds) ** 2, 0)
  return spread === 0
    ? 0
    : (60 * samples.reduce((sum, sample) => sum + (sample.seconds - seconds) * (sample.mb - mb), 0)) / spread
}

/** The lowest sample of each window of so many seconds. */
export const lowest = (samples: readonly Sample[], windowSeconds: number): readonly Sample[] => {
  const windows = Map.groupBy(samples, sample => Math.floor(sample.seconds / windowSeconds))
  return [...windows.values()].map(window => window.reduce((low, sample) => (sample.mb < low.mb ? sample : low)))
}
