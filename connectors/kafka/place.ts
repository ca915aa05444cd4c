/** One partition of a topic: where records of it are, and the name of its lane. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export const laneName = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`

/** As Kafka's requests want them: each topic once, with what there is for its partitions. */
export const byTopic = <Place extends TopicPartition, Of>(
  places: readonly Place[],
  of: (place: Place) => Of,
): { readonly topic: string; readonly partitions: Of[] }[] =>
  [...Map.groupBy(places, ({ topic }) => topic)].map(([topic, ofTopic]) => ({ topic, partitions: ofTopic.map(of) }))
