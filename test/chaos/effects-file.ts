import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs'
import { type Effect, readEffects } from './judge.ts'

/** The file to which all members append, read as it grows. */
export interface EffectsFile {
  readonly path: string
  /** How many lines it has. */
  lines(): number
  all(): readonly Effect[]
}

const NEWLINE = 10

export const effectsFile = (path: string): EffectsFile => {
  const piece = Buffer.alloc(1 << 16)
  let [offset, lines] = [0, 0]
  const catchUp = (): void => {
    if (!existsSync(path)) return
    const file = openSync(path, 'r')
    for (let read = 1; read > 0; offset += read) {
      read = readSync(file, piece, 0, piece.length, offset)
      for (const byte of piece.subarray(0, read)) if (byte === NEWLINE) lines += 1
    }
    closeSync(file)
  }
  return {
    path,
    lines() {
      catchUp()
      return lines
    },
    all: () => (existsSync(path) ? readEffects(readFileSync(path, 'utf8')) : []),
  }
}
