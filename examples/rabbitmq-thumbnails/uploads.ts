/** What is uploaded, the same every time: images drawn by a formula, one that was cut on its way, and a letter. */
import { type Image, writeImage } from './netpbm.ts'

export interface Upload {
  readonly name: string
  /** The routing key. */
  readonly kind: string
  readonly bytes: Uint8Array
}

type Draw = (x: number, y: number) => readonly number[]

const draw = (width: number, height: number, channels: Image['channels'], pixel: Draw): Uint8Array => {
  const pixels = Array.from({ length: width * height }, (_, at) => pixel(at % width, Math.floor(at / width)))
  return writeImage({ width, height, channels, samples: Uint8Array.from(pixels.flat()) }, 'drawn by a formula')
}

/** A dark sun on a light sky. */
const sun = draw(96, 48, 3, (x, y) => {
  const inside = Math.hypot(x - 48, y - 24) < 20
  return inside ? [200 - 2 * y, 40, 20] : [250, 250, 255]
})
const slope = draw(64, 64, 1, (x, y) => [x + y + 64])
const stripes = draw(120, 20, 1, x => [Math.floor(x / 15) % 2 === 0 ? 255 : 0])

export const uploads: readonly Upload[] = [
  { name: 'sun.ppm', kind: 'image.colour', bytes: sun },
  { name: 'slope.pgm', kind: 'image.grey', bytes: slope },
  { name: 'stripes.pgm', kind: 'image.grey', bytes: stripes },
  { name: 'cut.ppm', kind: 'image.colour', bytes: sun.subarray(0, 5_000) },
  { name: 'letter.txt', kind: 'text.plain', bytes: Buffer.from('Dear gallery, …') },
]
