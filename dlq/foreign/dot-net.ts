import type { Foreign, ReadHeader } from '../foreign.ts'

/** The error queues of NServiceBus, and MassTransit's queues with `_error` and `_skipped`. */
export const readDotNet = (header: ReadHeader): Foreign | undefined =>
  readNServiceBus(header) ?? readMassTransit(header)

const readNServiceBus = (header: ReadHeader): Foreign | undefined => {
  const queue = header('NServiceBus.FailedQ')
  if (queue === undefined) return undefined
  const info = (name: string) => header(`NServiceBus.ExceptionInfo.${name}`)
  const failedAt = nServiceBusTime(header('NServiceBus.TimeOfFailure'))
  return {
    from: 'nservicebus',
    // A machine may stand behind it.
    origin: queue.split('@')[0] ?? queue,
    ...(failedAt === undefined ? {} : { failedAt }),
    error: errorOf(info('ExceptionType'), info('Message'), info('StackTrace')),
  }
}

const readMassTransit = (header: ReadHeader): Foreign | undefined => {
  const fault = (name: string) => header(`MT-Fault-${name}`)
  const reason = header('MT-Reason')
  if (reason === undefined && fault('ExceptionType') === undefined) return undefined
  const origin = lastOfPath(fault('InputAddress'))
  const failedAt = Date.parse(fault('Timestamp') ?? '')
  return {
    from: 'masstransit',
    ...(origin === undefined ? {} : { origin }),
    ...(Number.isNaN(failedAt) ? {} : { failedAt }),
    error: errorOf(fault('ExceptionType') ?? reason, fault('Message'), fault('StackTrace')),
  }
}

const errorOf = (name = 'Error', message = '', stack?: string): Foreign['error'] => ({
  name,
  message,
  ...(stack === undefined ? {} : { stack }),
})

/** `2026-01-31 12:00:00:123456 Z`. */
const nServiceBusTime = (text = ''): number | undefined => {
  const [, day, time, fraction] = /^(\S+) (\d\d:\d\d:\d\d):(\d{3})\d* Z$/.exec(text) ?? []
  const at = Date.parse(`${day}T${time}.${fraction}Z`)
  return Number.isNaN(at) ? undefined : at
}

/** `rabbitmq://host/vhost/queue?durable=true`. */
const lastOfPath = (address: string | undefined): string | undefined =>
  address !== undefined && URL.canParse(address) ? new URL(address).pathname.split('/').at(-1) || undefined : undefined
