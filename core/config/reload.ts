/**
 * Loading a configuration again within one process. Node keeps every module it has loaded, so each load gives the
 * configuration and all it imports from its folder a new address: `channels.ts?millrace=2`. Packages keep theirs.
 */
import { registerHooks } from 'node:module'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type LoadedConfig, loadConfig, VERSION_PARAMETER } from './load.ts'

export interface Reloader {
  /** Loads the file as it is now. Throws what {@link loadConfig} throws; what was loaded before stays usable. */
  load(): Promise<LoadedConfig>
  close(): void
}

/** Every load but the first costs the memory of the modules of the one before: a deploy now and then, not one a minute. */
export const configReloader = (file: string): Reloader => {
  const folder = pathToFileURL(`${dirname(file)}/`).href
  const ownPackage = new URL('../../', import.meta.url).href
  const isOurs = (url: string): boolean =>
    url.startsWith(folder) &&
    !url.includes('/node_modules/') &&
    (!url.startsWith(ownPackage) || folder.startsWith(`${ownPackage}examples/`))
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context)
      const version = versionOf(context.parentURL)
      if (version === null || !isOurs(resolved.url) || versionOf(resolved.url) !== null) return resolved
      const url = new URL(resolved.url)
      url.searchParams.set(VERSION_PARAMETER, version)
      return { ...resolved, url: url.href }
    },
  })
  let loads = 0
  return {
    load() {
      loads += 1
      return loadConfig(file, String(loads))
    },
    close: () => hooks.deregister(),
  }
}

const versionOf = (url: string | undefined): string | null =>
  url?.startsWith('file:') ? new URL(url).searchParams.get(VERSION_PARAMETER) : null
