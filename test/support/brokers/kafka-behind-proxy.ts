import { type FaultProxy, openProxy } from '../proxy.ts'
import type { Broker, Scope } from './broker.ts'
import { startKafka } from './kafka.ts'
import { freePort } from './ports.ts'

export interface KafkaBehindProxy {
  /** Its `url` leads through the proxy, and so does what it tells clients. */
  readonly broker: Broker
  readonly proxy: FaultProxy
  /** `host:port` past the proxy, for those whose connections are not at risk. */
  readonly direct: string
}

/** `random` is for the proxy's jitter. */
export const startKafkaBehindProxy = async (scope: Scope, random = Math.random): Promise<KafkaBehindProxy> => {
  const [port, directPort, controllerPort] = [await freePort(), await freePort(), await freePort()]
  const proxy = await openProxy(scope, { to: port, random })
  const direct = `127.0.0.1:${directPort}`
  const settings = {
    listeners: `CLIENTS://127.0.0.1:${port},DIRECT://${direct},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `CLIENTS://127.0.0.1:${proxy.port},DIRECT://${direct}`,
    'listener.security.protocol.map': 'CLIENTS:PLAINTEXT,DIRECT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'inter.broker.listener.name': 'DIRECT',
  }
  return { broker: await startKafka(scope, { port, advertisedPort: proxy.port, settings }), proxy, direct }
}
