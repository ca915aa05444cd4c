import type { Foreign, ReadHeader } from '../foreign.ts'

const PREFIX = '__connect.errors.'

/** Kafka Connect with `errors.deadletterqueue.context.headers.enable`; its values are texts. */
export const readConnect = (header: ReadHeader): Foreign | undefined => {
  const value = (name: string) => header(PREFIX + name)
  const topic = value('topic')
  const connector = value('connector.name')
  if (topic === undefined && connector === undefined) return undefined
  const stack = value('exception.stacktrace')
  const said = value('exception.message') ?? ''
  const stage = value('stage')
  return {
    from: 'kafka-connect',
    ...(topic === undefined ? {} : { origin: topic, position: { topic, ...numbered(value) } }),
    ...(connector === undefined ? {} : { group: `connect-${connector}` }),
    error: {
      name: value('exception.class.name') ?? 'Error',
      message: stage === undefined ? said : `${said} (${stage})`,
      ...(stack === undefined ? {} : { stack }),
    },
  }
}

const numbered = (value: (name: string) => string | undefined): { partition?: number; offset?: number } =>
  Object.fromEntries(
    (['partition', 'offset'] as const).flatMap(name => {
      const number = Number(value(name) ?? Number.NaN)
      return Number.isSafeInteger(number) ? [[name, number]] : []
    }),
  )
