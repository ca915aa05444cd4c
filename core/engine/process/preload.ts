/**
 * What a blank process does while nobody needs it: it loads the modules of Node that clients of brokers, databases and HTTP
 * load, which is a tenth of the time such a function takes to be imported, and imports a module, because Node makes what
 * finds, reads and compiles modules when it is first needed, which is half of the time that a small function takes.
 */
const USUAL = [
  'assert',
  'async_hooks',
  'buffer',
  'child_process',
  'crypto',
  'diagnostics_channel',
  'dns',
  'events',
  'fs',
  'http',
  'https',
  'net',
  'os',
  'path',
  'perf_hooks',
  'querystring',
  'stream',
  'string_decoder',
  'timers',
  'tls',
  'tty',
  'url',
  'util',
  'zlib',
] as const

/** In the process. A function cannot tell: they are in no cache that it can see. */
export const preload = (): void => {
  for (const name of USUAL) process.getBuiltinModule(`node:${name}`)
  const url = import.meta.url
  // What goes wrong with it goes wrong with the function's module too, and is told there.
  import(new URL(url.endsWith('.ts') ? './blank-module.ts' : './blank-module.js', url).href).catch(() => {})
}
