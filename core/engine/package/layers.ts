/**
 * The layers of a function as one folder, which is /opt on Lambda: a later layer covers files of an earlier one. Where
 * several have the same folder it is made, everything else is a link into its layer: layers are shared, not copied.
 */
import { mkdir, readdir, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'

/** Fills `target`, an empty folder. `layers`: from the lowest to the one that covers all others. */
export const mergeLayers = async (layers: readonly string[], target: string): Promise<void> => {
  for (const [name, sources] of await entriesOf(layers)) {
    const folders = await upperFolders(sources)
    const to = join(target, name)
    if (folders.length > 1) {
      await mkdir(to)
      await mergeLayers(folders, to)
    } else await symlink(sources.at(-1) as string, to)
  }
}

/** Every name, with the paths it has in the layers, from the lowest up. */
const entriesOf = async (layers: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> => {
  const entries = new Map<string, string[]>()
  for (const layer of layers)
    for (const name of await readdir(layer)) {
      const paths = entries.get(name)
      if (paths) paths.push(join(layer, name))
      else entries.set(name, [join(layer, name)])
    }
  return entries
}

/** The folders that are seen: a file covers what is below it. */
const upperFolders = async (paths: readonly string[]): Promise<readonly string[]> => {
  const isFolder = await Promise.all(paths.map(async path => (await stat(path)).isDirectory()))
  return paths.slice(isFolder.lastIndexOf(false) + 1)
}
