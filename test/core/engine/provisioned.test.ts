import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'
import { harness, outcomeAs } from './harness.ts'

const environments = 2
const PROVISIONED = { provisioned: environments, maxEnvironments: 4 }

test('provisioned environments are past Init before anybody calls, and are not ended for idleness', async context => {
  const source = `console.log('Init'); export const handler = () => {}`
  const { engine, run, lines } = await harness(context, { f: { source, idleMs: 50, ...PROVISIONED } })
  await until('both are ready', () => lines.filter(line => line === 'info Init').length === environments)
  const report = await until('one is warm', async () => {
    const each = await run('f')
    return each.cold ? undefined : each
  })
  outcomeAs(report, 'answered')
  await until('those beyond are ended', () => engine.stats('f').environments === environments)
  assert.equal((await run('f')).cold, false)
})

test('a provisioned environment that ends is replaced', async context => {
  const source = `export const handler = () => process.exit(3)`
  const { engine, run } = await harness(context, { f: { source, ...PROVISIONED } })
  outcomeAs(await run('f'), 'failed')
  await until('there are two again', () => engine.stats('f').environments === environments)
})

test('a function that cannot be made ready is tried again, and works when it is mended', async context => {
  const mended = join(await temporaryFolder(context), 'mended')
  const source = `import { existsSync } from 'node:fs'
    if (!existsSync(${JSON.stringify(mended)})) throw new Error('not yet')
    export const handler = () => {}`
  const { engine, lines } = await harness(context, { f: { source, ...PROVISIONED } })
  await until('it is told', () =>
    lines.some(line =>
      /provisioned environment could not be made ready: .*not yet.*tried again in 1000 ms/s.test(line),
    ),
  )
  await writeFile(mended, '')
  await until('both are there', () => engine.stats('f').environments === environments && engine.stats('f').busy === 0)
})

test('a version that replaces another is provisioned itself', async context => {
  const { engine, specs } = await harness(context, { f: { source: 'export const handler = () => {}', ...PROVISIONED } })
  await until('the first version is there', () => engine.stats('f').environments === environments)
  engine.replace(specs.map(spec => ({ ...spec, env: { NEW: '1' } })))
  await until('the second is', () => engine.stats('f').environments === environments)
  await engine.close(0)
  assert.equal(engine.stats('f').environments, 0)
})

test('what Init left behind is collected before anybody calls', async context => {
  const source = 'export const handler = () => {}'
  const { lines } = await harness(context, { f: { source, nodeOptions: ['--trace-gc'], provisioned: 1 } })
  // For want of room, which a small function has not: it would come to it as a task of its own, beside a request.
  await until('it is collected', () => lines.some(line => /Scavenge .* allocation failure/.test(line)))
})
