/** Configurations as these tests write them: one that is right, and what is said of those that are not. */
import assert from 'node:assert/strict'
import { embedded } from '../../../connectors/embedded/channel.ts'
import { problemText } from '../../../core/config/problem.ts'
import type { ResolvedConfig } from '../../../core/config/resolved.ts'
import { validateConfig } from '../../../core/config/validate.ts'

export const local = embedded()
export const orders = local.queue('orders')
export const receipts = local.topic('receipts')
export const events = local.stream('events')
export const dead = local.queue('orders.dead')
export const exists = (path: string): boolean => path.startsWith('/app/functions/') && !path.includes('#')

/** A configuration that is right, with what a test changes of its mapping `orders`. */
export const withMapping = (mapping: object, rest: object = {}): object => ({
  name: 'shop',
  functions: { charge: './functions/charge.ts' },
  mappings: { orders: { source: orders, function: 'charge', ...mapping } },
  ...rest,
})

export const problemsOf = (config: unknown): readonly string[] => {
  const validation = validateConfig(config, { folder: '/app', exists })
  return validation.ok ? [] : validation.problems.map(problemText)
}

export const resolvedOf = (config: unknown): ResolvedConfig => {
  const validation = validateConfig(config, { folder: '/app', exists })
  assert.deepEqual(validation.ok ? [] : validation.problems.map(problemText), [])
  assert.ok(validation.ok)
  return validation.config
}

export const mappingOf = (mapping: object, rest: object = {}) => {
  const found = resolvedOf(withMapping(mapping, rest)).mappings[0]
  assert.ok(found)
  return found
}
