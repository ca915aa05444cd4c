/** Standard Schema as this house uses it: data in, a verdict out. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { errorInfo, type Issue } from '../errors.ts'

export type Checked =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string; readonly issues: readonly Issue[] }

/** Never throws and never rejects: a schema that throws has refused, and says why. */
export const checkSchema = (schema: StandardSchemaV1, value: unknown): Checked | Promise<Checked> => {
  try {
    const result = schema['~standard'].validate(value)
    return result instanceof Promise ? result.then(judge, refused) : judge(result)
  } catch (thrown) {
    return refused(thrown)
  }
}

const judge = (result: StandardSchemaV1.Result<unknown>): Checked =>
  result.issues ? invalid(result.issues) : { ok: true, value: result.value }

const refused = (thrown: unknown): Checked => ({
  ok: false,
  problem: `the schema threw: ${errorInfo(thrown).message}`,
  issues: [],
})

const MAX_ISSUES = 10

const invalid = (found: readonly StandardSchemaV1.Issue[]): Checked => {
  const issues = found.slice(0, MAX_ISSUES).map(({ path, message }) => ({ path: describePath(path ?? []), message }))
  return { ok: false, problem: describeIssues(issues, found.length - issues.length), issues }
}

/** `total: expected number · items[0].name: required`. */
const describeIssues = (issues: readonly Issue[], hidden: number): string =>
  [
    ...issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)),
    ...(hidden > 0 ? [`and ${hidden} more`] : []),
  ].join(' · ')

const describePath = (path: readonly (PropertyKey | StandardSchemaV1.PathSegment)[]): string =>
  path
    .map(segment => (typeof segment === 'object' ? segment.key : segment))
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`))
    .join('')
