/** Images as Netpbm has them, P5 (grey) and P6 (colour): a header in ASCII, then a byte for each sample. */

export interface Image {
  readonly width: number
  readonly height: number
  /** 1: grey, 3: red, green and blue. */
  readonly channels: 1 | 3
  /** Row by row, `channels` of each pixel. */
  readonly samples: Uint8Array
}

const HEADER = /^P([56])\s(?:#[^\n]*\n)*(\d{1,5})\s+(\d{1,5})\s+255\s/

/** Throws with what is wrong with the bytes. */
export const readImage = (bytes: Uint8Array): Image => {
  const found = HEADER.exec(Buffer.from(bytes.subarray(0, 256)).toString('latin1'))
  if (!found) throw new Error('it does not begin like a Netpbm image (P5 or P6)')
  const [header, kind] = found
  const [width, height] = [Number(found[2]), Number(found[3])]
  const channels = kind === '6' ? 3 : 1
  const expected = width * height * channels
  const samples = bytes.subarray(header.length)
  if (samples.length < expected) throw new Error(`it ends after ${samples.length} of ${expected} samples`)
  return { width, height, channels, samples: samples.subarray(0, expected) }
}

/** `comment` is one line. */
export const writeImage = ({ width, height, channels, samples }: Image, comment: string): Uint8Array =>
  Buffer.concat([Buffer.from(`P${channels === 3 ? 6 : 5}\n# ${comment}\n${width} ${height}\n255\n`, 'latin1'), samples])

/** At most `side` wide and high, in its proportions; each pixel is the mean of those it stands for. */
export const scaleDown = (image: Image, side: number): Image => {
  const factor = Math.max(1, image.width / side, image.height / side)
  const width = Math.max(1, Math.round(image.width / factor))
  const height = Math.max(1, Math.round(image.height / factor))
  const samples = new Uint8Array(width * height * image.channels)
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1)
      for (let channel = 0; channel < image.channels; channel += 1)
        samples[(y * width + x) * image.channels + channel] = mean(
          image,
          channel,
          span(x, width, image.width),
          span(y, height, image.height),
        )
  return { width, height, channels: image.channels, samples }
}

type Span = readonly [from: number, to: number]

/** Which of `whole` pixels the one at `index` of `parts` stands for; one or more. */
const span = (index: number, parts: number, whole: number): Span => {
  const from = Math.floor((index * whole) / parts)
  return [from, Math.max(from + 1, Math.floor(((index + 1) * whole) / parts))]
}

const mean = (
  { width, channels, samples }: Image,
  channel: number,
  [left, right]: Span,
  [top, bottom]: Span,
): number => {
  let sum = 0
  for (let y = top; y < bottom; y += 1)
    for (let x = left; x < right; x += 1) sum += samples[(y * width + x) * channels + channel] ?? 0
  return Math.round(sum / ((right - left) * (bottom - top)))
}

/** A character for each pixel, darker ones with more ink. */
export const asText = ({ width, height, channels, samples }: Image): string => {
  const rows = Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => {
      const pixel = samples.subarray((y * width + x) * channels, (y * width + x + 1) * channels)
      const light = pixel.reduce((sum, sample) => sum + sample, 0) / channels
      return INK[Math.min(INK.length - 1, Math.floor((light / 256) * INK.length))]
    }).join(''),
  )
  return rows.join('\n')
}

const INK = '@%#*+-.'
