import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startNode } from '../child.ts'
import { freePort } from './ports.ts'

/** Of 12,000 ports two processes would pick seven or eight in common. */
const COUNT = 300

test('no two processes are given the same port while both live', async context => {
  const ports = (): Promise<readonly number[]> => Promise.all(Array.from({ length: COUNT }, freePort))
  const other = startNode(context, [
    '--input-type=module',
    '-e',
    `import { freePort } from ${JSON.stringify(new URL('ports.ts', import.meta.url).href)}
     console.log(JSON.stringify(await Promise.all(Array.from({ length: ${COUNT} }, freePort))))
     setInterval(() => {}, 1_000)`,
  ])
  const [mine, theirs] = await Promise.all([ports(), other.line(/^\[/)])
  assert.equal(new Set([...mine, ...JSON.parse(theirs)]).size, 2 * COUNT)
})
