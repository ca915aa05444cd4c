/** Text for terminals: safe to print whatever it came from, cut and padded to columns. */

/** Control, format and private characters, line separators and half surrogates. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu
const UNPRINTABLE_BUT_LINES = /(?![\n\t])[\p{C}\p{Zl}\p{Zp}]/gu

/**
 * What a record, a function or a key may say goes to a terminal through here: escape sequences and characters that
 * hide or reorder others are shown as `\x1b`, so that nothing in a record can draw on the screen. One line.
 */
export const printable = (text: string): string => text.replace(UNPRINTABLE, escaped)

/** The same for text of several lines; line breaks and tabs stay. */
export const printableLines = (text: string): string =>
  text.replaceAll('\r\n', '\n').replace(UNPRINTABLE_BUT_LINES, escaped)

/** At most `columns` characters, with `…` where something is left out. */
export const cut = (text: string, columns: number): string => {
  const characters = [...text]
  return characters.length <= columns ? text : `${characters.slice(0, Math.max(columns - 1, 0)).join('')}…`
}

/** Columns as wide as their widest cell, two spaces apart; numbers grouped and to the right. Texts are made printable. */
export const table = (rows: readonly (readonly (string | number)[])[]): readonly string[] => {
  const cells = rows.map(row =>
    row.map(cell => ({
      text: typeof cell === 'number' ? group(cell) : printable(cell),
      right: typeof cell === 'number',
    })),
  )
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map(row => length(row[column]?.text ?? ''))))
  const rightColumns = (cells[0] ?? []).map((_, column) => cells.slice(1).some(row => row[column]?.right))
  return cells.map(row =>
    row
      .map(({ text }, column) => {
        const gap = ' '.repeat(Math.max((widths[column] ?? 0) - length(text), 0))
        return rightColumns[column] ? gap + text : text + gap
      })
      .join('  ')
      .trimEnd(),
  )
}

/** `1 record`, `2 records`. */
export const count = (number: number, noun: string): string => `${group(number)} ${noun}${number === 1 ? '' : 's'}`

/** 1234567 as 1,234,567. */
export const group = (number: number): string => number.toLocaleString('en-US')

/** How long ago, in the largest unit that fits: `now`, `12s`, `5m`, `3h`, `2d`. */
export const age = (ms: number): string => {
  const seconds = Math.floor(ms / 1_000)
  if (seconds < 1) return 'now'
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)}h` : `${Math.floor(seconds / 86_400)}d`
}

const length = (text: string): number => [...text].length

const escaped = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
}
