import { join } from 'node:path'
import { files } from 'millrace/files'

export const UPLOADS = process.env.UPLOADS ?? join(import.meta.dirname, '../../.millrace/uploads')

/** Price lists that suppliers upload; where they are when they are done with says what became of them. */
export const priceLists = files('price-lists', {
  folder: join(UPLOADS, 'inbox'),
  doneTo: join(UPLOADS, 'done'),
  failedTo: join(UPLOADS, 'failed'),
  stable: '500ms',
})
