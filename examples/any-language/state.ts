/** Where the functions write what they did, and where the one in Go is built. */
import { join } from 'node:path'

export const STATE_DIR = process.env.ANY_LANGUAGE_STATE ?? join(import.meta.dirname, '.millrace')
export const PRICED = join(STATE_DIR, 'priced.txt')
export const LABELLED = join(STATE_DIR, 'labelled.txt')
export const LABEL_FOLDER = join(STATE_DIR, 'label')
