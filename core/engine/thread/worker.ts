/** The first module of an environment's thread. It is small because what it imports itself is compiled anew each time. */
import { enableCompileCache } from 'node:module'
import { workerData } from 'node:worker_threads'
import type { ThreadData } from './carrier.ts'

const { compileCacheDir } = workerData as ThreadData
if (compileCacheDir !== undefined) enableCompileCache(compileCacheDir)
await import('./runtime.ts')
