/**
 * What a start of Kafka can take over from an earlier one: its classes as an archive (Java's class data sharing) and an
 * empty storage. A start costs less than half of the CPU then, and there are dozens of them.
 */
import { existsSync } from 'node:fs'
import { cp, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CACHE, kafkaWarmth } from '../kafka-jars.ts'
import { dataIn, format, java, propertiesText, READY } from '../kafka-program.ts'
import { freePort } from '../ports.ts'
import { startProgram } from '../program.ts'
import { runCommand } from './command.ts'

/** Brokers start without, too: what goes wrong here is not told. */
export const warmKafka = async (signal: AbortSignal): Promise<void> => {
  const { folder: warm, archiveName, formattedName } = kafkaWarmth()
  if (existsSync(warm)) return
  const folder = await mkdtemp(join(CACHE, 'warm-'))
  try {
    const ports = { clients: await freePort(), brokers: await freePort(), controllers: await freePort() }
    const file = join(folder, 'server.properties')
    await writeFile(file, propertiesText(folder, ports, {}))
    const { failure } = await runCommand('java', format(file), signal)
    if (failure !== undefined) return
    await cp(dataIn(folder), join(folder, formattedName), { recursive: true })
    const dump = `-XX:ArchiveClassesAtExit=${join(folder, archiveName)}`
    const program = { name: 'kafka', command: 'java', args: [dump, ...java('kafka.Kafka', file)], ready: READY }
    const running = startProgram(program, folder, 1)
    const kill = (): void => running.signal('SIGKILL')
    signal.addEventListener('abort', kill)
    await running.ready().finally(() => running.signal('SIGTERM'))
    await running.ended
    signal.removeEventListener('abort', kill)
    await rm(dataIn(folder), { recursive: true })
    // Another run may have been quicker.
    if (!existsSync(warm)) await rename(folder, warm)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
