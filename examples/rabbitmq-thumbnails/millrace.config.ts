import { defineConfig } from 'millrace'
import { images, rejected } from './channels.ts'
import { STATE_DIR } from './gallery.ts'

export default defineConfig({
  name: 'thumbnails-example',
  stateDir: STATE_DIR,
  functions: { thumbnail: { file: './functions/thumbnail.ts', env: { THUMBNAILS_STATE: STATE_DIR } } },
  mappings: {
    thumbnail: {
      source: images,
      function: 'thumbnail',
      batchSize: 10,
      maxConcurrency: 2,
      maxAttempts: 3,
      backoff: { initial: '200ms', max: '1s' },
      deadLetters: { to: rejected },
    },
  },
})
