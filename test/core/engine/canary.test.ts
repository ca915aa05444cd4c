import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { problemText } from '../../../core/config/problem.ts'
import { validateConfig } from '../../../core/config/validate.ts'
import type { Slot, Throttled } from '../../../core/engine/contract.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { harness, invocation, invoked, outcomeAs } from './harness.ts'

const slotOf = (slot: Slot | Throttled): Slot => ('invoke' in slot ? slot : assert.fail(slot.message))
const sourceOf = (version: string): string =>
  `export const handler = () => ({ batchItemFailures: [], version: '${version}' })`

test('a canary gets its part of the invocations, evenly spread, and the rest goes on as before', async context => {
  const file = join(await temporaryFolder(context), 'next.ts')
  await writeFile(file, sourceOf('new'))
  const { engine, run } = await harness(context, {
    f: { source: sourceOf('old'), isolation: 'inline', maxEnvironments: 10, canary: { code: { file }, weight: 10 } },
  })
  const versions: string[] = []
  for (let invocation = 0; invocation < 100; invocation += 1) {
    const { value } = outcomeAs(await run('f'), 'answered')
    versions.push((value as { version: string }).version)
  }
  assert.equal(versions.filter(version => version === 'new').length, 10)
  for (let tenth = 0; tenth < 10; tenth += 1)
    assert.equal(versions.slice(tenth * 10, tenth * 10 + 10).filter(version => version === 'new').length, 1)
  const [status] = engine.functions()
  assert.equal(status?.invocations, 100)
  assert.equal(status?.canary?.invocations, 10)
  assert.notEqual(status?.canary?.version, status?.version)
})

test('a direct caller may say which version it wants', async context => {
  const file = join(await temporaryFolder(context), 'next.ts')
  await writeFile(file, sourceOf('new'))
  const { engine } = await harness(context, {
    f: { source: sourceOf('old'), isolation: 'inline', canary: { code: { file }, weight: 1 } },
    plain: { source: sourceOf('old'), isolation: 'inline' },
  })
  for (const [variant, expected] of [
    ['canary', 'new'],
    ['stable', 'old'],
  ] as const) {
    const report = await slotOf(engine.tryAcquire('f', variant)).invoke(invocation([invoked('{}', 0)]))
    assert.equal((outcomeAs(report, 'answered').value as { version: string }).version, expected)
  }
  assert.throws(() => engine.tryAcquire('plain', 'canary'), /functions\.plain has no canary; give it the option canary/)
})

test('a canary that is promoted leaves with the version it replaces, and the function keeps its name', async context => {
  const folder = await temporaryFolder(context)
  const file = join(folder, 'next.ts')
  await writeFile(file, sourceOf('new'))
  const { engine, specs, run } = await harness(context, {
    f: { source: sourceOf('old'), isolation: 'inline', canary: { code: { file }, weight: 50 } },
  })
  await run('f')
  await run('f')
  const promoted = specs.map(({ canary: _, ...spec }) => ({ ...spec, code: { file } }))
  assert.deepEqual(engine.replace(promoted), ['f'])
  assert.equal((outcomeAs(await run('f'), 'answered').value as { version: string }).version, 'new')
  assert.equal(engine.functions()[0]?.canary, undefined)
})

test('a canary is a file that is there and a weight of 1 to 99', () => {
  const problems = (canary: object): readonly string[] => {
    const functions = { f: { file: './old.ts', canary } }
    const exists = (path: string) => path !== '/gone.ts'
    const validation = validateConfig({ name: 'shop', functions, mappings: {} }, { folder: '/', exists })
    return validation.ok ? [] : validation.problems.map(problemText)
  }
  assert.deepEqual(problems({ file: './new.ts' }), [])
  assert.deepEqual(problems({ file: './new.ts', weight: 100 }), [
    'functions.f.canary.weight must be between 1 and 99, got 100',
  ])
  assert.deepEqual(problems({ file: './gone.ts' }), [
    "functions.f.canary.file must be a file that exists, got './gone.ts' (/gone.ts)",
  ])
  assert.match(problems({ weight: 5 })[0] ?? '', /functions\.f\.canary\.file is missing/)
})
