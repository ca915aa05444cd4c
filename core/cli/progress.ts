/** One line that is written over; nothing where nobody watches. */
import type { Output } from './host.ts'

export const progressOn = (output: Output): { show(text: string): void; clear(): void } => ({
  show: text => void (output.isTTY && output.write(`\r${text}\x1b[K`)),
  clear: () => void (output.isTTY && output.write('\r\x1b[K')),
})
