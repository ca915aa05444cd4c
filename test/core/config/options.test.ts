import assert from 'node:assert/strict'
import { test } from 'node:test'
import { embeddedOptions } from '../../../connectors/embedded/channel.ts'
import { appOptions } from '../../../core/config/app-options.ts'
import { functionOptions } from '../../../core/config/function-options.ts'
import { linkOptions, policyOptions } from '../../../core/config/mapping-options.ts'
import { duration, type OptionSpecs, whole } from '../../../core/config/option.ts'
import { defaultsOf, group, optionsTable, parseOptions, suggestion } from '../../../core/config/options.ts'

test('the table of options says what they take, their defaults and what they are for', () => {
  const table = optionsTable({
    size: whole({ min: 1, max: 5, default: 2, doc: 'How many.' }),
    wait: group({ doc: '', options: { first: duration({ min: '0s', max: '1m', doc: 'How long.' }) } }),
  })
  assert.equal(
    table,
    `| option | takes | default | |
|---|---|---|---|
| \`size\` | 1 to 5 | 2 | How many. |
| \`wait.first\` | 0s to 1m | none | How long. |`,
  )
})

const ALL: readonly OptionSpecs[] = [
  appOptions,
  functionOptions,
  linkOptions,
  policyOptions,
  embeddedOptions.connection,
  ...Object.values(embeddedOptions.channels),
]

test('every declared option has a row with something in each column', () => {
  for (const specs of ALL)
    for (const row of optionsTable(specs).split('\n').slice(2))
      for (const cell of row.split('|').slice(1, -1)) assert.notEqual(cell.trim(), '', row)
})

test('every default, written down as documented, is what counts when nothing is written', () => {
  const check = (specs: OptionSpecs): void => {
    for (const [name, spec] of Object.entries(specs)) {
      if (spec.inside) check(spec.inside)
      if (spec.default === undefined || Array.isArray(spec.default) || typeof spec.default === 'object') continue
      const written = ['number', 'boolean'].includes(typeof spec.default)
        ? asWritten(spec.defaultText)
        : spec.defaultText
      if (spec.defaultText === 'required') continue
      assert.deepEqual(spec.parse(written, name, undefined), { value: spec.default }, name)
    }
  }
  for (const specs of ALL) check(specs)
})

const asWritten = (text: string): unknown => (/^(true|false|[\d.]+)$/.test(text) ? JSON.parse(text) : text)

test('nothing written is the defaults; undefined inside is nothing written', () => {
  assert.deepEqual(parseOptions(policyOptions, undefined, 'x'), { value: defaultsOf(policyOptions) })
  assert.deepEqual(parseOptions(policyOptions, { batchSize: undefined }, 'x'), { value: defaultsOf(policyOptions) })
})

test('a name like one that is known suggests it; a name like none lists them', () => {
  assert.equal(suggestion('BATCHSIZE', ['batchSize', 'order']), 'did you mean batchSize?')
  assert.equal(suggestion('batchsise', ['batchSize', 'order']), 'did you mean batchSize?')
  assert.equal(suggestion('zzz', ['batchSize', 'order']), 'known here: batchSize, order')
  assert.equal(suggestion('x', []), 'there is none')
})
