/** Where thumbnails are: a folder with a file for each, written whole or not at all. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const STATE_DIR = process.env.THUMBNAILS_STATE ?? join(import.meta.dirname, '.millrace')
const GALLERY = join(STATE_DIR, 'gallery')

export const emptyGallery = (): void => {
  rmSync(GALLERY, { recursive: true, force: true })
  mkdirSync(GALLERY, { recursive: true })
}

export const names = (): readonly string[] =>
  readdirSync(GALLERY)
    .filter(name => !name.startsWith('.'))
    .toSorted()

export const thumbnail = (name: string): Uint8Array => readFileSync(join(GALLERY, name))

/** The same name again is the same file again: an image that comes twice, as after a crash, does no harm. */
export const keepThumbnail = (name: string, bytes: Uint8Array): void => {
  const unfinished = join(GALLERY, `.${name}.${process.pid}`)
  writeFileSync(unfinished, bytes)
  renameSync(unfinished, join(GALLERY, name))
}
