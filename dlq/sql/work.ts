/**
 * What a store does in its database, written once for SQLite and Postgres: a generator that hands out queries and gets
 * their answers. SQLite runs it to its end in one go, Postgres waits for each answer; both within one transaction.
 */
export type SqlValue = string | number | null | Uint8Array

/** `$1`, `$2` … in the text are the values in their order; each may stand more than once. */
export interface Query {
  readonly text: string
  readonly values: readonly SqlValue[]
}

export interface Answer {
  readonly rows: readonly unknown[]
  readonly changes: number
}

/** May run twice (when its transaction is repeated), so it changes nothing but the database. */
export type Work<T> = Generator<Query, T, Answer>

/** The rows; a database types them as what it cannot know. */
export function* all<Row>(text: string, ...values: readonly SqlValue[]): Work<readonly Row[]> {
  return (yield { text, values }).rows as readonly Row[]
}

export function* first<Row>(text: string, ...values: readonly SqlValue[]): Work<Row | undefined> {
  return (yield { text, values }).rows[0] as Row | undefined
}

/** Answers how many rows were changed. */
export function* run(text: string, ...values: readonly SqlValue[]): Work<number> {
  return (yield { text, values }).changes
}

/** Values of one query, numbered as they are added. */
export interface Values {
  /** The placeholder of the value. */
  add(value: SqlValue): string
  readonly list: readonly SqlValue[]
}

export const newValues = (): Values => {
  const list: SqlValue[] = []
  return {
    list,
    add(value) {
      list.push(value)
      return `$${list.length}`
    },
  }
}
