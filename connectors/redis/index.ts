/** `millrace/redis`: streams, lists and subscriptions of a Redis server, as values. */
export { type RedisConnection, type RedisTls, redis } from './channel.ts'
export { redisIdempotency } from './idempotency.ts'
