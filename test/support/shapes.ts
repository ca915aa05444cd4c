/** What a function can do to the one who runs it: every way known to resist an end, and to use up memory. */

/** `before` is part of the module, `body` of an async handler. */
export interface Shape {
  readonly before?: string
  readonly body: string
}

/** None of them ends by itself. */
export const KILL_SHAPES: Readonly<Record<string, Shape>> = {
  'an await that never ends': { body: 'await new Promise(() => {})' },
  'a busy loop': { body: 'for (;;) {}' },
  'a loop that catches everything': { body: 'for (;;) try { throw new Error("again") } catch {}' },
  'a catastrophic regular expression': { body: "/^(a+)+$/.test('a'.repeat(60) + 'b')" },
  'Atomics.wait': { body: 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)' },
  'a loop in WebAssembly': {
    // (module (func (export "run") (loop (br 0))))
    before: `const bytes = new Uint8Array([0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,7,1,3,114,117,110,0,0,10,9,1,7,0,3,64,12,0,11,11])
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes))`,
    body: 'exports.run()',
  },
  'products of large BigInts': { body: 'let n = 3n ** 200000n; for (;;) n = (n * n) % (2n ** 400000n)' },
  'sorting a large Float64Array': {
    before: 'const numbers = Float64Array.from({ length: 3e6 }, (_, index) => (index * 7919) % 1e6)',
    body: 'for (;;) Float64Array.from(numbers).sort()',
  },
  'promises that starve everything else': { body: 'for (;;) await null' },
  'JSON.parse of 10 MB in a loop': {
    before: "const text = '[' + '{\"a\":[1,2,3]},'.repeat(7e5) + '1]'",
    body: 'for (;;) JSON.parse(text)',
  },
  pbkdf2Sync: {
    before: "import { pbkdf2Sync } from 'node:crypto'",
    body: "for (;;) pbkdf2Sync('secret', 'salt', 3_000_000, 64, 'sha512')",
  },
  'a synchronous child': {
    before: "import { execSync } from 'node:child_process'",
    body: "execSync('sleep 60')",
  },
  'reading a pipe that nobody writes': {
    before:
      "import { execFileSync } from 'node:child_process'; import { readFileSync } from 'node:fs'; const pipe = process.env.TMPDIR + '/pipe'; execFileSync('mkfifo', [pipe])",
    body: 'readFileSync(pipe)',
  },
  'a loop of Array.fill': { body: 'for (;;) new Array(1000).fill(1.5)' },
}

/** Each of them uses memory until it is stopped. */
export const MEMORY_SHAPES: Readonly<Record<string, Shape>> = {
  'a leak while other things go on': {
    body: 'const all = []; for (;;) { for (let i = 0; i < 1e4; i++) all.push({ i }); await new Promise(setImmediate) }',
  },
  'strings that are put together': {
    body: "const all = []; for (let i = 0; ; i++) all.push(String(i).repeat(200) + 'x'.repeat(i % 7))",
  },
  'a sparse array that is filled': {
    body: 'const all = []; for (let i = 0; ; i += 1000) { all[i] = { i }; for (let k = 1; k < 1000; k++) all[i + k] = k + 0.5 }',
  },
  'one array that grows': { body: 'const all = []; for (;;) all.push({ a: all.length })' },
  'a map that grows': { body: 'const all = new Map(); for (let i = 0; ; i++) all.set(i, { i })' },
  'one huge JSON text': { body: "JSON.parse('[' + '{\"a\":[1]},'.repeat(4e6) + '1]')" },
  'arrays that are filled': { body: 'const all = []; for (;;) all.push(new Array(1000).fill(1.5))' },
  '512 MB of buffers': {
    body: 'const all = []; for (let i = 0; i < 128; i++) all.push(Buffer.alloc(4 * 2 ** 20, 1)); await new Promise(() => {})',
  },
}

/** A module with this shape, which only answers when the first record says `ok`. */
export const shapeSource = ({ before = '', body }: Shape): string => `${before}
export const handler = async ([record]) => {
  if (record.data.ok) return process.pid
  for (let line = 0; line < 50; line++) console.log('line', line)
  if (record.data.printed) process.getBuiltinModule('fs').writeFileSync(record.data.printed, '')
  ;${body}
}`
