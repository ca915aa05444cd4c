/**
 * The pipes for output are sockets, on which Node queues in memory what they do not take: a handler that prints and then
 * loops would lose its last words, and one that prints without end its memory. Written through, it waits instead.
 */

/** From when it is first asked for: most functions print nothing at once, and making both streams is a millisecond of each start. */
export const writeThrough = (name: 'stdout' | 'stderr'): void => {
  const make = Object.getOwnPropertyDescriptor(process, name)?.get
  if (!make) return
  let stream: NodeJS.WriteStream | undefined
  Object.defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get() {
      if (stream === undefined) {
        stream = make.call(process) as NodeJS.WriteStream
        ;(stream as { _handle?: { setBlocking?(on: boolean): void } })._handle?.setBlocking?.(true)
      }
      return stream
    },
  })
}
