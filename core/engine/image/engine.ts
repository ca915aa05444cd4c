/**
 * The container engine of this process: found when an image is to run, asked once for each image whether it is there, and
 * cleaned of containers whose host was killed before it could remove them.
 */
import { errorInfo, MillraceError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { isAlive, type Owner, ownerFromText, ownerToText, thisProcess } from '../../owner.ts'
import { type ContainerEngine, findContainerEngine } from './cli.ts'

export interface Images {
  /** The engine, with the image pulled. Rejects with FUNCTION_INIT_FAILED; the next call tries again. */
  ready(image: string): Promise<ContainerEngine>
}

/** On every container: which process it belongs to. */
const LABEL = 'millrace.owner'

/** Without the brackets and slashes that lists of labels are made of. */
export const ownerLabel = (owner: Owner = thisProcess()): string =>
  `${LABEL}=${Buffer.from(ownerToText(owner)).toString('base64url')}`

export const openImages = (log: Log): Images => {
  let engine: Promise<ContainerEngine> | undefined
  const pulled = new Map<string, Promise<void>>()

  const find = async (): Promise<ContainerEngine> => {
    engine ??= findContainerEngine().then(async found => {
      await removeOrphans(found, log)
      return found
    })
    try {
      return await engine
    } catch (thrown) {
      engine = undefined
      throw thrown
    }
  }
  return {
    async ready(image) {
      const found = await find()
      const pulling = pulled.get(image) ?? pull(found, image, log)
      pulled.set(image, pulling)
      try {
        await pulling
        return found
      } catch (thrown) {
        pulled.delete(image)
        throw thrown
      }
    },
  }
}

const pull = async (engine: ContainerEngine, image: string, log: Log): Promise<void> => {
  const isThere = await engine.run(['image', 'inspect', image]).then(
    () => true,
    () => false,
  )
  if (isThere) return
  log.info(`pulling the image ${image}`)
  try {
    await engine.run(['pull', image])
  } catch (thrown) {
    throw new MillraceError(
      'FUNCTION_INIT_FAILED',
      `the image ${image} is not there and cannot be pulled: ${errorInfo(thrown).message}. Check its name, and ${engine.command} login`,
    )
  }
}

const removeOrphans = async (engine: ContainerEngine, log: Log): Promise<void> => {
  try {
    const listed = await engine.run(['ps', '--all', '--filter', `label=${LABEL}`, '--format', '{{.ID}} {{.Labels}}'])
    const orphans = listed.split('\n').flatMap(line => {
      const value = /millrace\.owner[=:]([\w-]+)/.exec(line)?.[1] ?? ''
      const owner = ownerFromText(Buffer.from(value, 'base64url').toString('utf8'))
      return owner && !isAlive(owner) ? [line.split(' ', 1)[0] ?? ''] : []
    })
    if (orphans.length > 0) await engine.run(['rm', '--force', ...orphans])
  } catch (error) {
    log.warn('containers that an app left behind could not be removed', { error })
  }
}
