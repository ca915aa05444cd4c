/** One value of a list in a pattern: a literal, or an object with one operator. */
import { BlockList, isIP } from 'node:net'
import type { Bound, Test } from './pattern.ts'
import { show } from './show.ts'

type ParsedTest = Test | { readonly problem: string }

const OPERATORS = ['prefix', 'suffix', 'equals-ignore-case', 'wildcard', 'anything-but', 'numeric', 'exists', 'cidr']

export const isOperator = (name: string): boolean => OPERATORS.includes(name)

export const parseTest = (written: unknown): ParsedTest => {
  if (isLiteral(written)) return { op: 'equals', value: written }
  if (typeof written !== 'object' || written === null || Array.isArray(written))
    return { problem: `must be a text, a number, true, false, null or an operator, got ${show(written)}` }
  const [operator, ...more] = Object.keys(written)
  if (operator === undefined || more.length > 0)
    return { problem: `must have one operator, got ${operator === undefined ? 'none' : show(written)}` }
  const value: unknown = Reflect.get(written, operator)
  const parse = PARSERS[operator]
  if (parse && isOperator(operator)) return parse(value)
  const lower = operator.toLowerCase()
  const hint = isOperator(lower) ? `did you mean ${lower}?` : `known are ${OPERATORS.join(', ')}`
  return { problem: `has an unrecognized match type ${JSON.stringify(operator)}; ${hint}` }
}

const isLiteral = (value: unknown): value is string | number | boolean | null =>
  value === null || typeof value === 'string' || typeof value === 'boolean' || isNumber(value)

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

const affix =
  (op: 'prefix' | 'suffix') =>
  (value: unknown): ParsedTest => {
    if (typeof value === 'string') return { op, text: value, case: 'kept' }
    const text = foldedText(value)
    return text === undefined
      ? { problem: `${op} must be a text or { "equals-ignore-case": text }, got ${show(value)}` }
      : { op, text, case: 'ignored' }
  }

const foldedText = (value: unknown): string | undefined => {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return undefined
  const text: unknown = Reflect.get(value, 'equals-ignore-case')
  return typeof text === 'string' ? text.toLowerCase() : undefined
}

const equalsIgnoreCase = (value: unknown): ParsedTest =>
  typeof value === 'string'
    ? { op: 'equals-ignore-case', text: value.toLowerCase() }
    : { problem: `equals-ignore-case must be a text, got ${show(value)}` }

/** `\*` and `\\` are the characters themselves. */
const wildcard = (value: unknown): ParsedTest => {
  if (typeof value !== 'string') return { problem: `wildcard must be a text, got ${show(value)}` }
  const parts: string[] = ['']
  for (let at = 0; at < value.length; at += 1) {
    const char = value[at]
    if (char === '*') {
      if (value[at + 1] === '*') return { problem: `wildcard must not have ** in it, got ${show(value)}` }
      parts.push('')
      continue
    }
    if (char === '\\') {
      at += 1
      if (value[at] !== '*' && value[at] !== '\\')
        return { problem: `wildcard may have a backslash only before * or a backslash, got ${show(value)}` }
    }
    parts[parts.length - 1] = `${parts.at(-1)}${value[at]}`
  }
  return { op: 'wildcard', parts }
}

const anythingBut = (value: unknown): ParsedTest => {
  if (isScalar(value)) return { op: 'anything-but', tests: [{ op: 'equals', value }] }
  if (Array.isArray(value)) {
    const sameKind = value.every(item => typeof item === 'string') || value.every(isNumber)
    if (value.length === 0 || !sameKind)
      return { problem: `anything-but must be one value, or a list of texts or of numbers, got ${show(value)}` }
    return { op: 'anything-but', tests: value.map(item => ({ op: 'equals', value: item as string | number })) }
  }
  return anythingButNested(value)
}

const isScalar = (value: unknown): value is string | number | boolean =>
  typeof value === 'string' || typeof value === 'boolean' || isNumber(value)

const NESTED = ['prefix', 'suffix', 'equals-ignore-case', 'wildcard']

const anythingButNested = (value: unknown): ParsedTest => {
  const [operator, ...more] = typeof value === 'object' && value !== null ? Object.keys(value) : []
  if (operator === undefined || more.length > 0 || !NESTED.includes(operator))
    return { problem: `anything-but may hold one of ${NESTED.join(', ')}, got ${show(value)}` }
  const given: unknown = Reflect.get(value as object, operator)
  const texts = Array.isArray(given) ? given : [given]
  const isAffix = operator === 'prefix' || operator === 'suffix'
  if (texts.length === 0 || !texts.every(text => typeof text === 'string') || (isAffix && texts.includes('')))
    return {
      problem: `anything-but ${operator} must be a text${isAffix ? ' that is not empty' : ''}, or a list of them, got ${show(given)}`,
    }
  const tests = texts.map(text => PARSERS[operator]?.(text) ?? { problem: '' })
  const wrong = tests.find(test => 'problem' in test)
  return wrong ?? { op: 'anything-but', tests: tests as readonly Test[] }
}

const SIGNS = ['=', '<', '<=', '>', '>=']

const numeric = (value: unknown): ParsedTest => {
  const problem = {
    problem: `numeric must be a sign and a number, as in [">", 0] or [">=", 0, "<", 5], got ${show(value)}`,
  }
  if (!Array.isArray(value) || (value.length !== 2 && value.length !== 4)) return problem
  const bounds: Bound[] = []
  for (let at = 0; at < value.length; at += 2) {
    const [sign, limit] = [value[at], value[at + 1]]
    if (!SIGNS.includes(sign) || !isNumber(limit)) return problem
    bounds.push({ sign, value: limit })
  }
  const [low, high] = bounds
  if (!low || !high) return { op: 'numeric', bounds }
  if (!low.sign.startsWith('>') || !high.sign.startsWith('<') || low.value >= high.value)
    return {
      problem: `numeric with two bounds must have the lower one first, as in [">", 0, "<=", 5], got ${show(value)}`,
    }
  return { op: 'numeric', bounds }
}

const exists = (value: unknown): ParsedTest =>
  typeof value === 'boolean'
    ? { op: 'exists', expected: value ? 'present' : 'absent' }
    : { problem: `exists must be true or false, got ${show(value)}` }

const cidr = (value: unknown): ParsedTest => {
  const problem = { problem: `cidr must be a network like "10.0.0.0/24" or "2001:db8::/32", got ${show(value)}` }
  if (typeof value !== 'string') return problem
  const [network = '', bits = '', ...more] = value.split('/')
  const version = isIP(network)
  const family = version === 6 ? 'ipv6' : 'ipv4'
  if (version === 0 || more.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (version === 6 ? 128 : 32))
    return problem
  const networks = new BlockList()
  networks.addSubnet(network, Number(bits), family)
  const contains = (address: string): boolean => isIP(address) === version && networks.check(address, family)
  return { op: 'cidr', text: value, contains }
}

const PARSERS: Readonly<Record<string, (value: unknown) => ParsedTest>> = {
  prefix: affix('prefix'),
  suffix: affix('suffix'),
  'equals-ignore-case': equalsIgnoreCase,
  wildcard,
  'anything-but': anythingBut,
  numeric,
  exists,
  cidr,
}
