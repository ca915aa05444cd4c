import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { onPath } from '../found.ts'
import { CACHE } from '../kafka-jars.ts'
import { runCommand } from './command.ts'

/**
 * One installation at a time on a machine, and no service is started by it: what Debian's packages bring up would take
 * the default ports. A list of packages that is too old is brought up to date once.
 */
const SCRIPT = `
exec 9>"$1"; flock 9; shift
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT; trap 'exit 143' TERM INT
  printf '#!/bin/sh\\nexit 101\\n' > $policy; chmod 755 $policy
fi
install() { apt-get install -y -q --no-install-recommends "$@"; }
install "$@" || { apt-get update -q && install "$@"; }
`

/** Answers why these Debian packages could not be installed, or undefined when they are there. */
export const aptInstall = async (packages: readonly string[], signal: AbortSignal): Promise<string | undefined> => {
  if (!onPath('apt-get')) return 'no apt-get here'
  if (process.getuid?.() !== 0) return `only root can run apt-get install ${packages.join(' ')}`
  await mkdir(CACHE, { recursive: true })
  const args = ['-c', SCRIPT, 'millrace-install', join(CACHE, 'apt.lock'), ...packages]
  return (await runCommand('sh', args, signal, { DEBIAN_FRONTEND: 'noninteractive' })).failure
}
