/**
 * `node load-main.ts <port> <path> <connections> <ms>`: asks for one thing over and over, on each connection as soon as it was
 * answered, in a process of its own. Prints `{ perSecond, p99Us }`. Sockets and no HTTP client: what it costs itself is
 * taken from whoever is measured.
 */
import { connect, type Socket } from 'node:net'

const [port, path, connections, measureMs] = process.argv.slice(2) as [string, string, string, string]
const REQUEST = Buffer.from(`GET ${path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n\r\n`)
const WARM_MS = 300
const HEAD_END = Buffer.from('\r\n\r\n')

const latencies: number[] = []
let measuring = false

/** Resolves with what is left behind the first answer; rejects for one that is not a 200 with a length. */
const bodyEnd = (data: Buffer): number | undefined => {
  const end = data.indexOf(HEAD_END)
  if (end < 0) return undefined
  const head = data.toString('latin1', 0, end)
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  if (!head.startsWith('HTTP/1.1 200') || length === undefined)
    throw new Error(`an answer that was not expected:\n${head}`)
  const whole = end + HEAD_END.length + Number(length)
  return data.length >= whole ? whole : undefined
}

const drive = (socket: Socket): void => {
  let sentAt = 0
  let pending: Buffer = Buffer.alloc(0)
  const ask = (): void => {
    sentAt = performance.now()
    socket.write(REQUEST)
  }
  socket.setNoDelay(true)
  socket.on('connect', ask)
  socket.on('data', (piece: Buffer) => {
    pending = pending.length === 0 ? piece : Buffer.concat([pending, piece])
    const whole = bodyEnd(pending)
    if (whole === undefined) return
    pending = pending.subarray(whole)
    if (measuring) latencies.push(performance.now() - sentAt)
    ask()
  })
  socket.on('error', error => {
    throw error
  })
}

const sockets = Array.from({ length: Number(connections) }, () => connect(Number(port), '127.0.0.1'))
for (const socket of sockets) drive(socket)
setTimeout(() => {
  measuring = true
  const startedAt = performance.now()
  setTimeout(() => {
    const seconds = (performance.now() - startedAt) / 1_000
    const sorted = Float64Array.from(latencies).toSorted()
    const p99Us = (sorted[Math.floor(sorted.length * 0.99)] ?? 0) * 1_000
    process.stdout.write(`${JSON.stringify({ perSecond: latencies.length / seconds, p99Us })}\n`)
    process.exit(0)
  }, Number(measureMs))
}, WARM_MS)
