/** What message-queue-toolkit's consumers want to be given. */
const silent = () => undefined

export const logger = {
  level: 'silent',
  trace: silent,
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
  fatal: silent,
  silent,
  isLevelEnabled: () => false,
  child: () => logger,
}

export const errorReporter = { report: silent }

export const transactionObservabilityManager = {
  start: silent,
  startWithGroup: silent,
  stop: silent,
  addCustomAttributes: silent,
}
