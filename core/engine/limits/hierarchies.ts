/** Where the kernel keeps the cgroups of this process: read from what /proc says, without touching anything. */

export type Controller = 'memory' | 'cpu' | 'pids'

export interface Hierarchies {
  /** The folder of this process's own group, for each controller of version 1. */
  readonly v1: { readonly [Name in Controller]?: string }
  /** The same of version 2, which has one tree for all; beside version 1 it may be there without any controller. */
  readonly v2: string | undefined
}

const CONTROLLERS: ReadonlySet<string> = new Set<Controller>(['memory', 'cpu', 'pids'])

const isController = (name: string): name is Controller => CONTROLLERS.has(name)

interface Mount {
  readonly kind: 'cgroup' | 'cgroup2'
  /** The group that is seen at `at`: not the root where a container sees only its own. */
  readonly root: string
  readonly at: string
  readonly options: readonly string[]
}

/** From the texts of /proc/self/mountinfo and /proc/self/cgroup. */
export const parseHierarchies = (mountinfo: string, selfCgroup: string): Hierarchies => {
  const groups = parseGroups(selfCgroup)
  const v1: { [Name in Controller]?: string } = {}
  let v2: string | undefined
  for (const mount of parseMounts(mountinfo)) {
    if (mount.kind === 'cgroup2') v2 ??= folderOf(mount, groups.get(''))
    else
      for (const name of mount.options.filter(isController)) {
        const folder = folderOf(mount, groups.get(name))
        if (folder !== undefined) v1[name] ??= folder
      }
  }
  return { v1, v2 }
}

/** `31 23 0:28 /root /mount/point rw,relatime … - type source options` */
const parseMounts = (mountinfo: string): readonly Mount[] =>
  mountinfo.split('\n').flatMap(line => {
    const [before = '', after = ''] = line.split(' - ')
    const [, , , root, at] = before.split(' ')
    const [kind, , options = ''] = after.split(' ')
    if ((kind !== 'cgroup' && kind !== 'cgroup2') || root === undefined || at === undefined) return []
    return [{ kind, root: unescaped(root), at: unescaped(at), options: options.split(',') }]
  })

/** Spaces and the like are octal: `\040`. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))

/** By controller; version 2 has the empty name: `4:memory:/a/b`, `3:cpu,cpuacct:/`, `0::/a`. */
const parseGroups = (selfCgroup: string): ReadonlyMap<string, string> => {
  const groups = new Map<string, string>()
  for (const line of selfCgroup.split('\n')) {
    const [, names, ...path] = line.split(':')
    if (names !== undefined) for (const name of names.split(',')) groups.set(name, path.join(':'))
  }
  return groups
}

const folderOf = ({ root, at }: Mount, group: string | undefined): string | undefined => {
  if (group === undefined) return undefined
  const below = root !== '/' && (group === root || group.startsWith(`${root}/`)) ? group.slice(root.length) : group
  return below === '/' || below === '' ? at : `${at}${below}`
}
