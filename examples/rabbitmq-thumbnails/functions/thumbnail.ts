/** Makes a thumbnail of each image. A throw fails that image alone; one that is none will be none the next time, too. */
import { NotRetryable, onRecord } from 'millrace'
import { images } from '../channels.ts'
import { keepThumbnail } from '../gallery.ts'
import { type Image, readImage, scaleDown, writeImage } from '../netpbm.ts'

const SIDE = 24

const imageOf = (bytes: Uint8Array): Image => {
  try {
    return readImage(bytes)
  } catch (error) {
    throw new NotRetryable(`no image: ${(error as Error).message}`)
  }
}

export const handler = onRecord(images, ({ id: name, data, attempt }) => {
  const image = imageOf(data)
  // The gallery is busy now and then: what fails so is tried again.
  if (name === 'stripes.pgm' && attempt === 1) throw new Error('the gallery was busy')
  const { width, height } = image
  keepThumbnail(name, writeImage(scaleDown(image, SIDE), `${width} × ${height} before, attempt ${attempt}`))
})
