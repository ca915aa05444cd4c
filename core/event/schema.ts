/** Standard Schema as this house uses it: data in, a verdict out. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { errorInfo } from '../errors.ts'

export type Checked = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string }

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
  result.issues ? { ok: false, problem: describeIssues(result.issues) } : { ok: true, value: result.value }

const refused = (thrown: unknown): Checked => ({ ok: false, problem: `the schema threw: ${errorInfo(thrown).message}` })

const MAX_ISSUES = 10

/** `total: expected number · items[0].name: required`, at most ten of them. */
const describeIssues = (issues: readonly StandardSchemaV1.Issue[]): string => {
  const shown = issues.slice(0, MAX_ISSUES).map(issue => {
    const path = describePath(issue.path ?? [])
    return path === '' ? issue.message : `${path}: ${issue.message}`
  })
  const hidden = issues.length - shown.length
  return [...shown, ...(hidden > 0 ? [`and ${hidden} more`] : [])].join(' · ')
}

const describePath = (path: readonly (PropertyKey | StandardSchemaV1.PathSegment)[]): string =>
  path
    .map(segment => (typeof segment === 'object' ? segment.key : segment))
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`))
    .join('')
