/**
 * The registry has @message-queue-toolkit/core 27.0.0 and @message-queue-toolkit/kafka 2.0.1, which imports
 * `precompileSchema` from it, an export of a later core. It only makes parsing faster: the schema as it is stands in.
 */
import { registerHooks } from 'node:module'

const CORE = /@message-queue-toolkit\/core\/dist\/index\.js$/

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    const text = CORE.test(url) ? String(loaded.source) : ''
    if (text === '' || text.includes('precompileSchema')) return loaded
    return { ...loaded, source: `${text}\nexport const precompileSchema = schema => schema\n` }
  },
})
