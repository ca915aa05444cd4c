/** Which of AWS's events the records of a place become. */
import type { Shape } from '../shape.ts'
import { eventBridgeShape, scheduleShape } from './eventbridge.ts'
import { kafkaShape } from './kafka.ts'
import { kinesisShape } from './kinesis.ts'
import { rabbitShape } from './rabbitmq.ts'
import { filesShape } from './s3.ts'
import { sqsShape } from './sqs.ts'

/** By the connector's kind; where AWS has no such broker, by what the place is most like there. */
const OF_CONNECTOR: Readonly<Record<string, Shape>> = {
  kafka: kafkaShape,
  rabbitmq: rabbitShape,
  cron: scheduleShape,
  files: filesShape,
}

const OF_TYPE: Readonly<Record<string, Shape>> = {
  queue: sqsShape,
  list: sqsShape,
  stream: kinesisShape,
  topic: eventBridgeShape,
  subscription: eventBridgeShape,
}

/** `place`: the kind of the connector and the type of the channel, `redis/stream`. */
export const lambdaShape = (place: string): Shape => {
  const [connector = '', type = ''] = place.split('/')
  return OF_CONNECTOR[connector] ?? OF_TYPE[type] ?? sqsShape
}
