import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { freePort } from './brokers/ports.ts'
import { type FaultProxy, openProxy } from './proxy.ts'
import { until } from './until.ts'

/** A server that answers each piece with the same bytes, what it heard, and a proxy before it. */
const echoThroughProxy = async (context: TestContext) => {
  const heard: Buffer[] = []
  const errors: string[] = []
  let ends = 0
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, socket => {
    sockets.add(socket)
    socket.on('data', piece => {
      heard.push(piece)
      socket.write(piece)
    })
    socket.on('end', () => {
      ends += 1
    })
    socket.on('error', error => errors.push((error as NodeJS.ErrnoException).code ?? error.name))
  })
  const port = await freePort()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  context.after(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  return { proxy: await openProxy(context, { to: port }), heard, errors, ends: () => ends }
}

interface Client {
  readonly socket: Socket
  readonly pieces: Buffer[]
  readonly text: () => string
  readonly failure: () => string | undefined
  readonly isClosed: () => boolean
}

const clientOf = async (context: TestContext, proxy: FaultProxy): Promise<Client> => {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true })
  const pieces: Buffer[] = []
  let failure: string | undefined
  let closed = false
  socket.on('data', piece => pieces.push(piece))
  socket.on('error', error => {
    failure = (error as NodeJS.ErrnoException).code ?? error.name
  })
  socket.on('close', () => {
    closed = true
  })
  context.after(async () => void socket.destroy())
  await new Promise(resolve => socket.once('connect', resolve).once('close', resolve))
  return {
    socket,
    pieces,
    text: () => Buffer.concat(pieces).toString(),
    failure: () => failure,
    isClosed: () => closed,
  }
}

const answered = (client: Client, text: string): Promise<true> =>
  until(`the client has ${JSON.stringify(text)}`, () => client.text() === text)

test('without faults everything passes in order, and so does the end', async context => {
  const { proxy, ends } = await echoThroughProxy(context)
  const client = await clientOf(context, proxy)
  const long = 'millrace '.repeat(500_000)
  client.socket.write(long)
  await until('all has come back', () => client.text().length === long.length)
  assert.equal(client.text(), long)
  client.socket.end()
  await until('both sides have closed', () => ends() === 1 && client.isClosed() && proxy.connections() === 0)
  assert.equal(client.failure(), undefined)
})

test('latency delays both directions and keeps the order, with jitter too', async context => {
  const { proxy } = await echoThroughProxy(context)
  proxy.faults({ latencyMs: 60, jitterMs: 20 })
  const client = await clientOf(context, proxy)
  const begin = systemClock.monotonic()
  for (const piece of ['one ', 'two ', 'three']) client.socket.write(piece)
  await answered(client, 'one two three')
  assert.ok(systemClock.monotonic() - begin >= 80, 'two ways of at least 40 ms each')
})

test('a reset is seen as such by both sides, and the next connection works', async context => {
  const { proxy, errors } = await echoThroughProxy(context)
  const client = await clientOf(context, proxy)
  client.socket.write('hello')
  await answered(client, 'hello')
  proxy.reset()
  await until('both have seen the reset', () => client.failure() !== undefined && errors.length === 1)
  assert.equal(client.failure(), 'ECONNRESET')
  assert.deepEqual(errors, ['ECONNRESET'])
  const next = await clientOf(context, proxy)
  next.socket.write('again')
  await answered(next, 'again')
})

test('half-open toward the client: the server hears, the client waits and is told nothing', async context => {
  const { proxy, heard } = await echoThroughProxy(context)
  const client = await clientOf(context, proxy)
  proxy.halfOpen('toClient')
  client.socket.write('hello')
  await until('the server has heard it', () => Buffer.concat(heard).toString() === 'hello')
  const control = await clientOf(context, proxy)
  assert.equal(control.isClosed(), false, 'new connections are taken')
  assert.deepEqual([client.text(), client.isClosed()], ['', false])
})

test('half-open in both directions: nobody hears, not even of the end; after healing new connections work', async context => {
  const { proxy, heard, ends } = await echoThroughProxy(context)
  const client = await clientOf(context, proxy)
  client.socket.write('before')
  await answered(client, 'before')
  proxy.halfOpen('toServer', 'toClient')
  client.socket.write('lost')
  client.socket.end()
  await once(client.socket, 'finish')
  proxy.heal()
  const next = await clientOf(context, proxy)
  next.socket.write('after')
  await answered(next, 'after')
  assert.equal(Buffer.concat(heard).toString(), 'beforeafter')
  assert.deepEqual([client.text(), client.isClosed(), ends()], ['before', false, 0])
})

test('slices arrive one byte at a time', async context => {
  const { proxy, heard } = await echoThroughProxy(context)
  proxy.faults({ sliceBytes: 1 })
  const client = await clientOf(context, proxy)
  const text = 'one byte at a time, and all of them'
  client.socket.write(text)
  await answered(client, text)
  assert.ok(heard.length > text.length / 2, `${heard.length} pieces for ${text.length} bytes`)
})

test('a limit cuts the connection after so many bytes, each connection anew', async context => {
  const { proxy, heard } = await echoThroughProxy(context)
  proxy.faults({ limitBytes: 5 })
  for (const expected of ['01234', '0123401234']) {
    const client = await clientOf(context, proxy)
    client.socket.write('0123456789')
    await until('it is cut', client.isClosed)
    assert.equal(client.failure(), 'ECONNRESET')
    await until('the server has its part', () => Buffer.concat(heard).length >= expected.length)
    assert.equal(Buffer.concat(heard).toString(), expected)
  }
})

test('down refuses and resets, up takes connections on the same port', async context => {
  const { proxy } = await echoThroughProxy(context)
  const client = await clientOf(context, proxy)
  await proxy.down()
  await until('the open one is reset', client.isClosed)
  assert.equal((await clientOf(context, proxy)).failure(), 'ECONNREFUSED')
  await proxy.up()
  const next = await clientOf(context, proxy)
  next.socket.write('hello')
  await answered(next, 'hello')
})

test('a server that is not there is a reset for the client', async context => {
  const proxy = await openProxy(context, { to: await freePort() })
  const client = await clientOf(context, proxy)
  await until('it is reset', client.isClosed)
  assert.equal(client.failure(), 'ECONNRESET')
})
