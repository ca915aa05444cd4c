/** The brokers of `compose.yaml` are where the READMEs and examples say; whether they run, only a Docker engine can tell. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parse } from 'yaml'

interface Service {
  readonly image: string
  readonly ports: readonly string[]
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly environment?: Readonly<Record<string, string | number>>
}

interface Wanted {
  readonly name: string
  readonly image: RegExp
  readonly port: number
  /** Where the channels of README and examples look unless they are told otherwise. */
  readonly address: string
  readonly example: string
}

const ALL: readonly Wanted[] = [
  {
    name: 'kafka',
    image: /^apache\/kafka:4\.\d+\.\d+$/,
    port: 9092,
    address: 'localhost:9092',
    example: 'kafka-billing',
  },
  {
    name: 'postgres',
    image: /^postgres:18(\.\d+)?-alpine$/,
    port: 5432,
    address: 'postgres://postgres:postgres@localhost:5432/postgres',
    example: 'outbox',
  },
  {
    name: 'rabbitmq',
    image: /^rabbitmq:4\.\d+-alpine$/,
    port: 5672,
    address: 'amqp://guest:guest@localhost:5672',
    example: 'rabbitmq-thumbnails',
  },
  {
    name: 'redis',
    image: /^redis:8(\.\d+)?-alpine$/,
    port: 6379,
    address: 'redis://localhost:6379',
    example: 'redis-clickstream',
  },
]

const services = async (): Promise<Readonly<Record<string, Service>>> =>
  parse(await readFile('compose.yaml', 'utf8')).services

test('compose.yaml has the brokers, PostgreSQL and nothing else', async () => {
  assert.deepEqual(Object.keys(await services()).toSorted(), ALL.map(({ name }) => name).toSorted())
})

for (const { name, image, port, address, example } of ALL)
  test(`${name} of compose.yaml listens on this machine alone, where its README and its example look for it`, async () => {
    const service = (await services())[name]
    assert.ok(service)
    assert.match(service.image, image)
    assert.deepEqual(service.ports, [`127.0.0.1:\${${name.toUpperCase()}_PORT:-${port}}:${port}`])
    assert.ok((service.healthcheck?.test.length ?? 0) > 1, 'it says when it is ready')
    const readme = await readFile(`connectors/${name}/README.md`, 'utf8')
    assert.ok(readme.includes(`'${address}'`), `the README looks at ${address}`)
    assert.match(readme, new RegExp(`docker compose up --wait\\s${name}\``))
    assert.ok((await readFile(`examples/${example}/channels.ts`, 'utf8')).includes(`'${address}'`))
  })

test('the Kafka of compose.yaml tells clients the address under which they reach it', async () => {
  const { kafka } = await services()
  assert.equal(kafka?.environment?.KAFKA_ADVERTISED_LISTENERS, `PLAINTEXT://127.0.0.1:\${KAFKA_PORT:-9092}`)
})
