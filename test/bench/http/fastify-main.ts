/** The library itself, with the same route: what it costs to answer at all. */
import Fastify from 'fastify'

const app = Fastify()
app.get('/noop', async () => ({ ok: true }))
await app.listen({ port: Number(process.argv[2]), host: '127.0.0.1' })
process.stdout.write('ready\n')
