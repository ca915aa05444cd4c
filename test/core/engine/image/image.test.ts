/** Against a stand-in for Docker (docker-main.ts): real processes and real HTTP, but no containers. */
import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { FunctionSpec } from '../../../../core/engine/contract.ts'
import { ownerLabel } from '../../../../core/engine/image/engine.ts'
import { thisProcess } from '../../../../core/owner.ts'
import { startNode } from '../../../support/child.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { until } from '../../../support/until.ts'
import { type Harness, harness, outcomeAs } from '../harness.ts'

const MAIN = join(import.meta.dirname, 'docker-main.ts')

interface Fake {
  readonly folder: string
  asked(command: string): Promise<readonly (readonly string[])[]>
  containers(): Promise<readonly string[]>
}

/** Of this process, which is that of this file: its tests run one after the other, and each says it anew. */
const usePath = (path: string, fake: string): void => {
  Object.assign(process.env, { PATH: path, DOCKER_FAKE: fake })
}

const fakeDocker = async (context: TestContext, command = 'docker'): Promise<Fake> => {
  const folder = await temporaryFolder(context)
  await mkdir(join(folder, 'bin'))
  const script = join(folder, 'bin', command)
  await writeFile(script, `#!/bin/sh\nexec ${process.execPath} ${MAIN} "$@"\n`)
  await chmod(script, 0o755)
  await symlink('/bin/sh', join(folder, 'bin/sh'))
  usePath(join(folder, 'bin'), folder)
  return {
    folder,
    async asked(command_) {
      const lines = (await readFile(join(folder, 'asked'), 'utf8')).trim().split('\n')
      return lines.map(line => JSON.parse(line) as string[]).filter(([first]) => first === command_)
    },
    containers: async () => (await readdir(folder)).filter(name => name.endsWith('.container')),
  }
}

const spec = (image: string, more: Partial<FunctionSpec> = {}): Partial<FunctionSpec> => ({
  code: { image, containerCommand: [] },
  ...more,
})

const setUp = async (
  context: TestContext,
  more: Partial<FunctionSpec> = {},
  image = 'test/app',
): Promise<Harness & { readonly fake: Fake }> => {
  const fake = await fakeDocker(context)
  return { ...(await harness(context, { f: spec(image, more) })), fake }
}

test('an image runs in a container that is started once and asked many times', async context => {
  const { run, engine, fake } = await setUp(context, { env: { KEY: 'canary' }, memoryMb: 300 })
  const first = await run('f', ['{"look":true}'])
  const seen = outcomeAs(first, 'answered').value as { pid: number; env: Record<string, string>; handler: string }
  const second = outcomeAs(await run('f', ['{"look":true}']), 'answered').value as { pid: number }
  assert.equal(first.cold, true)
  assert.equal(second.pid, seen.pid)
  assert.equal(seen.env.KEY, 'canary')
  assert.equal(seen.env.AWS_LAMBDA_FUNCTION_NAME, 'f')
  assert.equal(seen.handler, 'app.handler')
  const [started = []] = await fake.asked('run')
  assert.ok(!started.join(' ').includes('canary'), 'secrets are not on the command line')
  assert.ok(started.join(' ').includes('--memory 300m'))
  assert.ok(started.join(' ').includes('--publish 127.0.0.1::8080'))
  await engine.close(1_000)
  assert.deepEqual(await fake.containers(), [])
})

test('a command takes the place of the image’s own', async context => {
  const { run } = await setUp(context, { code: { image: 'test/app', containerCommand: ['other.handler'] } })
  const { value } = outcomeAs(await run('f', ['{"look":true}']), 'answered')
  assert.equal((value as { handler: string }).handler, 'other.handler')
})

test('what a function in a container prints is in log and report, and what it throws is a failure', async context => {
  const { run, lines } = await setUp(context)
  const failed = await run('f', ['{"throw":"no stock"}'])
  const { error } = outcomeAs(failed, 'failed')
  assert.deepEqual([error.name, error.message], ['Boom', 'no stock'])
  await until('it was printed', () => lines.some(line => line.startsWith('info START {"throw"')))
})

test('a timeout removes the container, and the next batch gets another one', async context => {
  const { run, fake } = await setUp(context, { timeoutMs: 500 })
  const { error } = outcomeAs(await run('f', ['{"hang":true}']), 'failed')
  assert.equal(error.code, 'FUNCTION_TIMEOUT')
  await until('it is gone', async () => (await fake.containers()).length === 0)
  outcomeAs(await run('f'), 'answered')
})

test('a container that ends in the middle of its work is a crash that says how', async context => {
  const { run } = await setUp(context)
  const killed = outcomeAs(await run('f', ['{"exit":137}']), 'failed')
  assert.equal(killed.error.code, 'FUNCTION_CRASHED')
  assert.match(
    killed.error.message,
    /functions\.f: its container ended with exit code 137.*more than its memory of 256 MB/,
  )
  outcomeAs(await run('f'), 'answered')
})

test('a container that ended while idle is replaced before it costs a batch anything', async context => {
  const { run, fake, engine } = await setUp(context)
  outcomeAs(await run('f'), 'answered')
  const [name = ''] = await fake.containers()
  const { pid } = JSON.parse(await readFile(join(fake.folder, name), 'utf8')) as { pid: number }
  process.kill(pid, 'SIGKILL')
  await until('that is noticed', () => engine.stats('f').environments === 0)
  outcomeAs(await run('f'), 'answered')
})

test('an image that is not there is pulled; one that cannot be, or does not answer, is not ready and says so', async context => {
  const fake = await fakeDocker(context)
  const { run } = await harness(context, {
    pulled: spec('test/pulled'),
    dies: spec('test/dies'),
    mute: spec('test/mute', { initTimeoutMs: 600 }),
  })
  outcomeAs(await run('pulled'), 'answered')
  assert.deepEqual(await fake.asked('pull'), [['pull', 'test/pulled']])
  const dies = outcomeAs(await run('dies'), 'not-ready').error
  assert.match(
    dies.message,
    /functions\.dies: its container ended with exit code 1 before it answered\. It printed: no such handler/,
  )
  const mute = outcomeAs(await run('mute'), 'not-ready').error
  assert.match(mute.message, /not ready after 600 ms/)
})

test('without an engine that answers the function is not ready, and is told what was looked for', async context => {
  const empty = await temporaryFolder(context)
  usePath(empty, empty)
  const { run } = await harness(context, { f: spec('test/app') })
  const { error } = outcomeAs(await run('f'), 'not-ready')
  assert.equal(error.code, 'FUNCTION_INIT_FAILED')
  assert.match(
    error.message,
    /functions\.f: there is no Docker or Podman that answers.*docker: not on the PATH; podman: not on the PATH/,
  )
  assert.match(
    error.message,
    new RegExp(`on the PATH \\(${empty}\\), DOCKER_HOST not set.*as a file or zip, or as a url`),
  )
  const fake = await fakeDocker(context, 'podman')
  outcomeAs(await run('f'), 'answered')
  assert.equal((await fake.asked('run')).length, 1)
})

test('containers of a host that was killed are removed by the next one, those of the living are not', async context => {
  const fake = await fakeDocker(context)
  const owner = thisProcess()
  const dead = ownerLabel({ ...owner, id: 'dead', startedAt: owner.startedAt + 1 })
  for (const [name, label] of [
    ['orphan', dead],
    ['alive', ownerLabel()],
  ] as const)
    startNode(context, [MAIN, 'run', '--name', name, '--label', label, 'test/app'])
  await until('both run', async () => (await fake.containers()).length === 2)
  const { run } = await harness(context, { f: spec('test/app') })
  outcomeAs(await run('f'), 'answered')
  const left = await fake.containers()
  assert.ok(left.includes('alive.container'))
  assert.ok(!left.includes('orphan.container'))
})
