/** What a function is made of: modules, packages, programs, places elsewhere, and what it may do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { functionSpec } from '../../../core/config/function-options.ts'
import { env } from '../../../core/config/secret.ts'
import { problemsOf, resolvedOf, withMapping } from './configured.ts'

test('what is wrong with a function is said of its file, memory, timeout and variables', () => {
  const functions = {
    none: { memory: 64, timeout: '16m', env: { KEY: 5 } },
    gone: './gone.ts',
    seven: 7,
  }
  assert.deepEqual(problemsOf({ name: 'shop', mappings: {}, functions }), [
    'functions.none.file is missing; name the module that exports handler, a command, a url or an image',
    "functions.none.timeout must be a duration between 1ms and 15m, like '30s', got '16m'",
    'functions.none.memory must be between 128 and 10240, got 64',
    'functions.none.env must be an object of texts, env() or file(), got { KEY: 5 }',
    "functions.gone.file must be a file that exists, got './gone.ts' (/app/gone.ts)",
    'functions.seven must be an object, got 7',
  ])
})

const codeOf = (options: object) =>
  resolvedOf({ name: 'shop', mappings: {}, functions: { f: options } }).functions.get('f')?.code

test('a file by itself is a module, with an export where one is named', () => {
  assert.deepEqual(codeOf({ file: './functions/charge.ts' }), { file: '/app/functions/charge.ts' })
  const charge = { file: '/app/functions/charge.ts', export: 'refund' }
  assert.deepEqual(codeOf({ file: './functions/charge.ts#refund' }), charge)
  assert.deepEqual(codeOf({ file: './functions/charge.ts', handler: 'refund' }), charge)
})

test('a folder, a zip and what has layers is a package', () => {
  const rest = { layers: [], maxBytes: 250 * 1024 * 1024 }
  assert.deepEqual(codeOf({ file: './functions/f.zip', handler: 'src/app.handler' }), {
    package: '/app/functions/f.zip',
    entry: 'src/app.handler',
    ...rest,
  })
  assert.deepEqual(codeOf({ file: './functions/f#charge' }), { package: '/app/functions/f', entry: 'charge', ...rest })
  const layers = ['./functions/l.zip', '/app/functions/one']
  assert.deepEqual(codeOf({ file: './functions/f.ts', layers, maxPackage: '1 MB' }), {
    package: '/app/functions/f.ts',
    layers: ['/app/functions/l.zip', '/app/functions/one'],
    maxBytes: 1024 * 1024,
  })
})

test('a command is a program: in the folder of the configuration, or in a folder or zip', () => {
  const python = ['python3', 'handler.py']
  assert.deepEqual(codeOf({ command: python }), { command: python, folder: '/app' })
  assert.deepEqual(codeOf({ command: ['./functions/run', '-v'], handler: 'orders.charge' }), {
    command: ['./functions/run', '-v'],
    folder: '/app',
    handler: 'orders.charge',
  })
  assert.deepEqual(codeOf({ file: './functions/f.zip', command: python }), {
    package: '/app/functions/f.zip',
    command: python,
    layers: [],
    maxBytes: 250 * 1024 * 1024,
  })
})

test('what is wrong with a command is said with its path', () => {
  const command = ['python3', 'handler.py']
  const functions = {
    empty: { command: [] },
    words: { command: 'python3 handler.py' },
    gone: { command: ['./bin/run'] },
    nowhere: { file: './nowhere', command },
    layers: { command, layers: ['./functions/l.zip'] },
    inline: { command, isolation: 'inline' },
    node: { command, nodeOptions: ['--import', 'tsx'], permissions: {} },
  }
  assert.deepEqual(problemsOf({ name: 'shop', mappings: {}, functions }), [
    'functions.empty.file is missing; name the module that exports handler, a command, a url or an image',
    "functions.words.command must be a list of non-empty texts, got 'python3 handler.py'",
    "functions.gone.command must be a program that exists, got './bin/run' (/app/bin/run)",
    "functions.nowhere.file must be a file that exists, got './nowhere' (/app/nowhere)",
    'functions.layers.layers are for functions with a file; name the folder in which command is started',
    "functions.inline.isolation must be 'process' for a command, got 'inline'",
    'functions.node.nodeOptions is for modules of Node; a command has its own arguments',
    'functions.node.permissions is for modules of Node, which keeps to them',
  ])
})

test('a function somewhere else has its references resolved at start, and hidden', () => {
  const config = resolvedOf({
    name: 'shop',
    mappings: {},
    functions: {
      f: { url: env('F_URL'), headers: { authorization: env('F_TOKEN') }, tls: { ca: env('F_CA') } },
      image: { image: 'public.ecr.aws/lambda/python:3.13', handler: 'app.handler', memory: 256 },
    },
  })
  const [f, image] = [...config.functions.values()]
  assert.ok(f && image)
  const places = { env: { F_URL: 'https://f.example/run', F_TOKEN: 'Bearer canary', F_CA: 'pem' } }
  const { code } = functionSpec(f, places)
  assert.deepEqual(
    { ...code, headers: { ...('headers' in code && code.headers) }, tls: undefined },
    {
      url: 'https://f.example/run',
      protocol: 'lambda',
      headers: { authorization: 'Bearer canary' },
      tls: undefined,
    },
  )
  assert.ok(!inspect(code).includes('canary'))
  assert.deepEqual(image.code, { image: 'public.ecr.aws/lambda/python:3.13', containerCommand: ['app.handler'] })
  assert.throws(() => functionSpec(f, { env: {} }), /functions\.f\.url\.url|F_URL/)
  const bad = { env: { ...places.env, F_URL: 'ftp://canary' } }
  assert.throws(
    () => functionSpec(f, bad),
    error => /functions\.f\.url must be an address like https/.test(String(error)) && !String(error).includes('canary'),
  )
})

test('what says where a function is, it says once, and with what belongs to it', () => {
  const functions = {
    both: { file: './functions/a.ts', url: 'https://f.example/' },
    image: { image: '--privileged' },
    remote: { url: 'ftp://x', layers: ['./functions/l'], env: { A: 'b' } },
    user: { url: 'https://me:canary@f.example/' },
    here: { file: './functions/a.ts', headers: { a: 'b' } },
    header: { url: 'https://f.example/', headers: { 'a b': 'c' } },
  }
  assert.deepEqual(problemsOf({ name: 'shop', mappings: {}, functions }), [
    'functions.both.url must be left out, because file says where the function is',
    "functions.image.image must be the name of an image, like public.ecr.aws/lambda/python:3.13, got '--privileged'",
    'functions.remote.layers is for functions with a file',
    'functions.remote.env is for functions that run here',
    "functions.remote.url must be an address like https://host/path, got 'ftp://x'",
    'functions.user.url must not have a name or password in it; send them with headers',
    'functions.here.headers is for functions with a url',
    "functions.header.headers must be an object of texts, env() or file(), by the names of headers, got { 'a b': 'c' }",
  ])
})

test('what is wrong with the code of a function is said with its path', () => {
  const functions = {
    twice: { file: './functions/a.ts#b', handler: 'c' },
    layers: { file: './functions/a.zip', layers: ['./gone.zip'] },
    list: { file: './functions/a.zip', layers: './l.zip', maxPackage: '0 B' },
    gone: './gone.ts#handler',
  }
  assert.deepEqual(problemsOf({ name: 'shop', mappings: {}, functions }), [
    "functions.twice.handler must be left out, because file names an export, got 'c'",
    "functions.layers.layers.0 must be a file that exists, got './gone.zip' (/app/gone.zip)",
    "functions.list.layers must be a list of non-empty texts, got './l.zip'",
    "functions.list.maxPackage must be a size between 1 MB and 10 GB, like '10 GB', got '0 B'",
    "functions.gone.file must be a file that exists, got './gone.ts' (/app/gone.ts)",
  ])
})

test('permissions are of a process, relative to the configuration, and what is not named is refused', () => {
  const functions = (charge: object) => ({ functions: { charge: { file: './functions/charge.ts', ...charge } } })
  const config = resolvedOf(withMapping({}, functions({ permissions: { read: ['./data', '/etc/hosts'] } })))
  assert.deepEqual(config.functions.get('charge')?.permissions, {
    read: ['/app/data', '/etc/hosts'],
    write: [],
    childProcesses: false,
    workers: false,
    addons: false,
  })
  assert.deepEqual(problemsOf(withMapping({}, functions({ isolation: 'inline', permissions: {} }))), [
    "functions.charge.permissions needs isolation 'process', got 'inline': Node has permissions for whole processes only",
  ])
  assert.deepEqual(problemsOf(withMapping({}, functions({ permissions: { reed: [], write: '/' } }))), [
    'functions.charge.permissions.reed is not an option; did you mean read?',
    "functions.charge.permissions.write must be a list of non-empty texts, got '/'",
  ])
})
