/**
 * Whether an event matches the alternatives of a pattern.
 *
 * The conditions of an alternative are put together as a tree by their paths, and the tree is laid over the event. Where
 * the event has a list of objects, one of them has to match all that is below: two fields never come from two elements.
 * A name with dots and nested names are the same. Each part of the tree meets each part of the event at most once.
 */
import type { Alternative, Test } from './pattern.ts'
import { passes } from './test-value.ts'

export interface Tree {
  readonly fields: readonly Field[]
  /** Lists of tests for the value here: each list has to have one that passes. */
  readonly lists: readonly TestList[]
}

interface Field {
  readonly name: string
  readonly tree: Tree
}

interface TestList {
  readonly literals: ReadonlySet<unknown>
  readonly tests: readonly Test[]
  readonly path: readonly string[]
  /** Whether there being no value in the whole event will do. */
  readonly mayBeAbsent: boolean
}

export const treeOf = (conditions: Alternative): Tree => {
  const root = newTree()
  for (const { path, tests } of conditions) {
    let tree = root
    for (const name of path) {
      const known = tree.fields.get(name) ?? newTree()
      tree.fields.set(name, known)
      tree = known
    }
    tree.lists.push({
      literals: new Set(tests.flatMap(test => (test.op === 'equals' ? [test.value] : []))),
      tests: tests.filter(test => test.op !== 'equals' && !isAbsence(test)),
      path,
      mayBeAbsent: tests.some(isAbsence),
    })
  }
  return frozen(root)
}

const isAbsence = (test: Test): boolean => test.op === 'exists' && test.expected === 'absent'

interface GrowingTree {
  readonly fields: Map<string, GrowingTree>
  readonly lists: TestList[]
}

const newTree = (): GrowingTree => ({ fields: new Map(), lists: [] })

const frozen = ({ fields, lists }: GrowingTree): Tree => ({
  fields: [...fields].map(([name, tree]) => ({ name, tree: frozen(tree) })),
  lists,
})

export const matchesTree = (tree: Tree, event: unknown): boolean => matchesAt(tree, event, event)

/** `value`: what the event has at the tree's path; undefined for nothing. */
const matchesAt = (tree: Tree, value: unknown, event: unknown): boolean => {
  for (const list of tree.lists)
    if (!someLeaf(value, list) && !(list.mayBeAbsent && !hasLeaf(event, list.path, 0))) return false
  return tree.fields.length === 0 || matchesBelow(tree, value, event)
}

const matchesBelow = (tree: Tree, value: unknown, event: unknown): boolean => {
  if (!Array.isArray(value)) return fits(tree, isObject(value) ? value : undefined, event)
  const found = someElement(tree, value, event)
  return found === 'no object' ? fits(tree, undefined, event) : found === 'fits'
}

const someElement = (tree: Tree, list: readonly unknown[], event: unknown): 'fits' | 'none fits' | 'no object' => {
  let answer: 'none fits' | 'no object' = 'no object'
  for (const item of list) {
    if (!isObject(item)) continue
    const found = Array.isArray(item) ? someElement(tree, item, event) : fits(tree, item, event) ? 'fits' : 'none fits'
    if (found === 'fits') return found
    if (found === 'none fits') answer = found
  }
  return answer
}

const fits = ({ fields }: Tree, object: object | undefined, event: unknown): boolean => {
  for (const { name, tree } of fields)
    if (!matchesAt(tree, object && fieldOf(object, name, tree.fields.length > 0), event)) return false
  return true
}

/** Whether a value that is no object, also one in a list or a list of lists, passes. */
const someLeaf = (value: unknown, list: TestList): boolean => {
  if (value === undefined) return false
  if (Array.isArray(value)) return value.some(item => someLeaf(item, list))
  if (isObject(value)) return false
  if (list.literals.has(value)) return true
  for (const test of list.tests) if (passes(test, value)) return true
  return false
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** `a` of { a: … }; where what is below counts, together with what follows the dot of { 'a.b': … }. */
const fieldOf = (object: object, name: string, countsBelow: boolean): unknown => {
  const own: unknown = Object.hasOwn(object, name) ? Reflect.get(object, name) : undefined
  if (!countsBelow) return own
  let dotted: Record<string, unknown> | undefined
  for (const key in object) {
    if (key[name.length] !== '.' || !key.startsWith(name)) continue
    dotted ??= Object.create(null) as Record<string, unknown>
    dotted[key.slice(name.length + 1)] = Reflect.get(object, key)
  }
  if (!dotted) return own
  if (Array.isArray(own)) return [...own, dotted]
  return isObject(own) ? { ...own, ...dotted } : dotted
}

/** Whether there is any value at the path, in any element of any list. */
const hasLeaf = (value: unknown, path: readonly string[], at: number): boolean => {
  const name = path[at]
  if (Array.isArray(value)) return value.some(item => hasLeaf(item, path, at))
  if (name === undefined) return value !== undefined && !isObject(value)
  return isObject(value) && hasLeaf(fieldOf(value, name, at + 1 < path.length), path, at + 1)
}
