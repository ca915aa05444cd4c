/** `millrace/cron`: schedules, as values. */
export { type CronOptions, type CronTick, cron } from './channel.ts'
