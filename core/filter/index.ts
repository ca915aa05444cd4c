/** `millrace/filter`: event patterns in the language of Amazon EventBridge, for use on their own. */
export type { Explanation } from './explain.ts'
export { compileFilter, type Filter } from './filter.ts'
