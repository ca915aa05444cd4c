#!/usr/bin/env node
/** Where `millrace` begins. Imports nothing before it knows that this Node can run the rest. */
export {}

const NEEDED = 24
const major = Number(process.versions.node.split('.')[0])

if (major < NEEDED) {
  process.stderr.write(
    `millrace needs Node ${NEEDED} or newer, this is ${process.version}; install it from https://nodejs.org or with your version manager\n`,
  )
  process.exitCode = 1
} else {
  const [{ runCommand }, { systemHost, systemTerminal }] = await Promise.all([
    import('./program.ts'),
    import('./system.ts'),
  ])
  const code = await runCommand(process.argv.slice(2), { host: systemHost, terminal: systemTerminal })
  process.exitCode = code
  // A second signal does not wait for what is still open; a clean end has nothing open.
  if (code !== 0) process.exit()
}
