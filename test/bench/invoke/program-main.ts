/** The no-op function as a program of its own: a client of the Runtime API on one connection, which answers nothing. */
import { Agent, request } from 'node:http'

const agent = new Agent({ keepAlive: true, maxSockets: 1 })

const call = (
  method: 'GET' | 'POST',
  path: string,
  body?: string,
): Promise<{ readonly id: string; readonly event: string }> =>
  new Promise((resolve, reject) => {
    const url = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/${path}`
    const asked = request(url, { method, agent }, async answer => {
      const event = Buffer.concat(await answer.toArray()).toString()
      resolve({ id: String(answer.headers['lambda-runtime-aws-request-id']), event })
    })
    asked.on('error', reject)
    asked.end(body)
  })

for (;;) {
  const { id, event } = await call('GET', 'next')
  JSON.parse(event)
  await call('POST', `${id}/response`, 'null')
}
