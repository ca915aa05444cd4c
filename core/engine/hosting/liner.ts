/** Lines out of the text of one stream, which comes in pieces and may never break. */

/** Takes the text in pieces. */
export interface Liner {
  write(text: string): void
  end(): void
}

/** Of one line; what is beyond is counted. */
export const MAX_LINE_CHARS = 4_096

/** `onLine` gets the beginning of a line, and how many characters it had beyond that. */
export const createLiner = (onLine: (line: string, cutChars: number) => void): Liner => {
  let line = ''
  let cutChars = 0
  const add = (text: string, from: number, to: number): void => {
    const taken = Math.min(to - from, MAX_LINE_CHARS - line.length)
    if (taken > 0) line += text.slice(from, from + taken)
    cutChars += to - from - Math.max(0, taken)
  }
  const finish = (): void => {
    const [whole, cut] = [line, cutChars]
    line = ''
    cutChars = 0
    onLine(whole, cut)
  }
  return {
    write(text) {
      let from = 0
      for (let to = text.indexOf('\n'); to >= 0; to = text.indexOf('\n', from)) {
        add(text, from, to)
        finish()
        from = to + 1
      }
      add(text, from, text.length)
    },
    end() {
      if (line !== '') finish()
    },
  }
}
