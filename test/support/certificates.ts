/** Certificates for a test, made by the machine's own openssl: an authority, a server at 127.0.0.1 and localhost, a client. */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Certificate {
  /** Files, PEM. */
  readonly certFile: string
  readonly keyFile: string
  readonly cert: string
  readonly key: string
}

export interface Certificates {
  /** The authority both are signed by. */
  readonly ca: string
  readonly caFile: string
  readonly server: Certificate
  readonly client: Certificate
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** Written to `folder`, valid for a day. */
export const makeCertificates = async (folder: string): Promise<Certificates> => {
  const at = (name: string): string => join(folder, name)
  const openssl = (...args: readonly string[]) => promisify(execFile)('openssl', [...args])
  const ca = ['-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=test authority', '-days', '1']
  await openssl('req', '-x509', ...CURVE, ...ca)
  const signed = async (name: string, extension: string): Promise<Certificate> => {
    const [certFile, keyFile, request, extensions] = ['pem', 'key', 'csr', 'ext'].map(end => at(`${name}.${end}`)) as [
      string,
      string,
      string,
      string,
    ]
    await writeFile(extensions, extension)
    await openssl('req', '-new', ...CURVE, '-keyout', keyFile, '-out', request, '-subj', `/CN=${name}`)
    const by = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '1', '-extfile', extensions]
    await openssl('x509', '-req', '-in', request, '-out', certFile, ...by)
    return { certFile, keyFile, cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') }
  }
  // One after the other: both count the authority's serial numbers up in one file.
  const server = await signed('server', 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  const client = await signed('client', 'extendedKeyUsage=clientAuth\n')
  return { ca: await readFile(at('ca.pem'), 'utf8'), caFile: at('ca.pem'), server, client }
}
