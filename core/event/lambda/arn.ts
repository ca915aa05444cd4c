/** Names of things as AWS has them: a partition, region and account of our own, so that nobody takes them for AWS's. */
export const REGION = 'local'
export const ACCOUNT = '000000000000'

/** `arn:millrace:sqs:local:000000000000:orders`. */
export const arnOf = (service: string, resource: string): string =>
  `arn:millrace:${service}:${REGION}:${ACCOUNT}:${resource}`
