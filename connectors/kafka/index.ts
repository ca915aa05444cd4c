/** The door `millrace/kafka`. */
export { type KafkaConnection, type KafkaSasl, type KafkaTls, kafka } from './channel.ts'
