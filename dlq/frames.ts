/** Frames of a stack that are the function's own: neither Node's, nor a dependency's, nor Millrace's. */

/** Where this Millrace is, when it is not in a node_modules. */
const ROOT = new URL('../', import.meta.url).pathname
const OTHERS = /node:|[\\/]node_modules[\\/]|[\\/]millrace-compile-cache/

export const isOwnFrame = (line: string): boolean =>
  /^\s*at /.test(line) && !OTHERS.test(line) && !line.includes(`${ROOT}core/`)
