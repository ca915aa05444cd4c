import { Socket } from 'node:net'

const reads = process.argv[2]
const socket = new Socket({ fd: 3 })
const answer = Buffer.from('{"ok":true}')
let chunks: Buffer[] = []
let held = 0
let wanted = -1

socket.on('data', chunk => {
  chunks.push(chunk)
  held += chunk.length
  if (wanted < 0 && held >= 4) wanted = 4 + (chunks.length === 1 ? chunk : Buffer.concat(chunks)).readUInt32BE(0)
  if (wanted < 0 || held < wanted) return
  const body = Buffer.concat(chunks).subarray(4)
  chunks = []
  held = 0
  wanted = -1
  if (reads === 'json') JSON.parse(body.toString('utf8'))
  socket.write(answer)
})
socket.write('ready')
