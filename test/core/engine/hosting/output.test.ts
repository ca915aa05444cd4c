import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { systemClock } from '../../../../core/clock.ts'
import { type Allowance, takeLine, wholeAllowance } from '../../../../core/engine/hosting/allowance.ts'
import { createLiner } from '../../../../core/engine/hosting/liner.ts'
import { createOutput } from '../../../../core/engine/hosting/output.ts'
import { logTo } from '../../../../core/log.ts'
import { until } from '../../../support/until.ts'

/** How many lines of so many characters pass in `ms`, tried once a millisecond as often as they are taken. */
const passed = (chars: number, ms: number): number => {
  let allowance: Allowance = wholeAllowance(0)
  let lines = 0
  for (let nowMs = 0; nowMs <= ms; nowMs += 1)
    for (let left = takeLine(allowance, nowMs, chars); left; left = takeLine(allowance, nowMs, chars)) {
      allowance = left
      lines += 1
    }
  return lines
}

test('a function may print 5,000 lines or 1 MB a second, and twice that at once', () => {
  assert.equal(passed(10, 0), 10_000)
  assert.equal(passed(10, 10_000), 60_000)
  assert.equal(passed(1_048_576, 0), 2)
  assert.equal(passed(1_048_576, 10_000), 12)
})

test('an allowance that was not used does not add up', () => {
  const left = takeLine(wholeAllowance(0), 3_600_000, 100)
  assert.equal(left?.lines, 9_999)
})

const linesOf = (...pieces: readonly string[]): readonly (readonly [string, number])[] => {
  const lines: (readonly [string, number])[] = []
  const liner = createLiner((line, cut) => lines.push([line, cut]))
  for (const piece of pieces) liner.write(piece)
  liner.end()
  return lines
}

test('lines come out whole wherever the text is cut, the last one without a break too', () => {
  const text = 'one\n\ntwo three\nfour'
  const expected = [
    ['one', 0],
    ['', 0],
    ['two three', 0],
    ['four', 0],
  ]
  for (let at = 0; at <= text.length; at += 1) assert.deepEqual(linesOf(text.slice(0, at), text.slice(at)), expected)
  assert.deepEqual(linesOf(...text), expected)
})

test('of a long line the beginning is kept and the rest counted, also over pieces', () => {
  const line = 'y'.repeat(4_096)
  assert.deepEqual(linesOf('y'.repeat(10_000), `${'y'.repeat(5_000)}\nnext\n`), [
    [line, 10_904],
    ['next', 0],
  ])
})

test('what is printed beyond the allowance is counted and told, and what comes later is shown again', async () => {
  const lines: string[] = []
  const output = createOutput(
    logTo((level, message) => lines.push(`${level} ${message}`)),
    systemClock,
  )
  const stream = new PassThrough()
  output.attach(stream, 'info')
  const page = output.begin()
  for (let index = 0; index < 40; index += 1) stream.write(`${'line\n'.repeat(1_000)}`)
  await until('the allowance has come back', () => {
    stream.write('later\n')
    return lines.includes('info later')
  })
  stream.end()
  await until('all is read', () => stream.readableEnded)
  const shown = lines.filter(line => line === 'info line').length
  assert.ok(shown >= 10_000 && shown < 30_000, `${shown} were shown`)
  assert.equal(lines.filter(line => line.startsWith('warn the function printed more than it may')).length, 1)
  const told = lines.flatMap(line => /^warn (\d+) lines of the function, with \d+ char/.exec(line)?.[1] ?? [])
  const hidden = told.reduce((sum, count) => sum + Number(count), 0)
  assert.ok(shown + hidden >= 40_000, `${shown} were shown and ${hidden} counted`)
  const report = page.lines()
  assert.equal(report.length, 100)
  assert.match(
    report.at(-1) ?? '',
    new RegExp(`^${hidden} lines of the function, with \\d+ characters, were not shown$`),
  )
})

test('a report says how many lines were not shown, however many were shown after them, and so long as it was told before', async () => {
  let nowMs = 0
  const lines: string[] = []
  const output = createOutput(
    logTo((level, message) => lines.push(`${level} ${message}`)),
    { monotonic: () => nowMs, after: () => () => {} },
  )
  const first = output.begin()
  const liner = output.liner('info')
  for (let line = 0; line < 10_003; line += 1) liner.write('line\n')
  nowMs = 2_000
  for (let line = 0; line < 300; line += 1) liner.write('later\n')
  assert.equal(
    lines.filter(line => line === 'warn 3 lines of the function, with 12 characters, were not shown').length,
    1,
  )
  assert.deepEqual(first.lines().slice(-2), ['later', '3 lines of the function, with 12 characters, were not shown'])
  assert.equal(first.lines().length, 100)
  const second = output.begin()
  liner.write('next\n')
  assert.deepEqual(second.lines(), ['next'])
  assert.match(first.lines().at(-1) ?? '', /^3 lines/)
})
