/**
 * What stands on the PATH as `docker` in tests, where no container engine is: it takes the same command lines, and a
 * "container" is this process itself, which answers HTTP on a port of this machine as the emulator in AWS's images does.
 * What it was asked is written down, a line each, in the folder FAKE_DOCKER.
 */
import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

const folder = process.env.DOCKER_FAKE ?? ''
const [command = '', ...args] = process.argv.slice(2)
appendFileSync(join(folder, 'asked'), `${JSON.stringify([command, ...args])}\n`)

const print = (text: string): void => void process.stdout.write(`${text}\n`)
const fail = (text: string): never => {
  process.stderr.write(`${text}\n`)
  process.exit(1)
}
const all = (name: string): string[] => args.flatMap((word, index) => (word === name ? [args[index + 1] ?? ''] : []))
const stateOf = (name: string): { pid: number; port: number; labels: string } | undefined => {
  try {
    return JSON.parse(readFileSync(join(folder, `${name}.container`), 'utf8'))
  } catch {
    // No such container.
    return undefined
  }
}

const run = (): unknown => {
  const [name = ''] = all('--name')
  const image = args.find(word => word.startsWith('test/')) ?? ''
  const handler = args.at(-1) === image ? 'app.handler' : args.at(-1)
  for (const variable of all('--env')) {
    const [key = '', value] = variable.split('=')
    if (value !== undefined) process.env[key] = value
  }
  if (image === 'test/dies') return fail('no such handler')
  const invoke = async (body: string): Promise<{ status: number; text: string }> => {
    const [first] = JSON.parse(body) as { data: Record<string, unknown> }[]
    const asks = first?.data ?? {}
    print(`START ${JSON.stringify(asks)}`)
    if (asks.exit !== undefined) process.exit(Number(asks.exit))
    if (asks.hang) await new Promise(() => {})
    if (asks.throw)
      return { status: 200, text: JSON.stringify({ errorType: 'Boom', errorMessage: String(asks.throw) }) }
    if (asks.look) return { status: 200, text: JSON.stringify({ env: process.env, args, handler, pid: process.pid }) }
    return { status: 200, text: 'null' }
  }
  const server = createServer((request, response) => {
    if (request.url !== '/2015-03-31/functions/function/invocations') return response.writeHead(404).end()
    let body = ''
    request.setEncoding('utf8').on('data', text => {
      body += text
    })
    request.on('end', () => void invoke(body).then(({ status, text }) => response.writeHead(status).end(text)))
    return response
  })
  server.listen(0, '127.0.0.1', () => {
    const [labels = ''] = all('--label')
    const { port } = server.address() as AddressInfo
    if (image === 'test/mute') server.removeAllListeners('request')
    writeFileSync(join(folder, `${name}.container`), JSON.stringify({ pid: process.pid, port, labels }))
  })
  process.on('exit', () => rmSync(join(folder, `${name}.container`), { force: true }))
  return process.on('SIGTERM', () => process.exit(137))
}

const remove = (name: string): void => {
  const found = stateOf(name)
  if (!found) return
  try {
    process.kill(found.pid, 'SIGTERM')
  } catch {
    // It has ended by itself.
  }
  rmSync(join(folder, `${name}.container`), { force: true })
}

if (command === 'version') print('Docker, but for tests')
else if (command === 'image')
  args.includes('test/pulled') && !readFileSync(join(folder, 'asked'), 'utf8').includes('"pull"')
    ? fail('No such image')
    : print('[]')
else if (command === 'pull') args.includes('test/unknown') ? fail('pull access denied') : print('pulled')
else if (command === 'port') print(`127.0.0.1:${stateOf(args[0] ?? '')?.port ?? fail('No such container')}`)
else if (command === 'ps')
  for (const file of readdirSync(folder).filter(each => each.endsWith('.container')))
    print(`${file.slice(0, -'.container'.length)} other=1,${stateOf(file.slice(0, -'.container'.length))?.labels}`)
else if (command === 'rm') for (const name of args.slice(1)) remove(name)
else if (command === 'run') run()
else fail(`docker: '${command}' is not a docker command`)
