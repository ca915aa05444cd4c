import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onPath } from '../found.ts'
import { CACHE, KAFKA_VERSION, kafkaJars, TOOLS_VERSION } from '../kafka-jars.ts'
import { aptInstall } from './apt.ts'
import { runCommand } from './command.ts'

/** The broker brings no way to write its log anywhere. */
const SLF4J_VERSION = '1.7.36'
const COPY_JARS = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'

/** Answers why Kafka could not be installed, or undefined when its jars and a Java are there; its tools where they can be had. */
export const installKafka = async (signal: AbortSignal): Promise<string | undefined> => {
  const needsMaven = !existsSync(kafkaJars()) && !onPath('mvn')
  const missing = [...(onPath('java') ? [] : ['openjdk-17-jre-headless']), ...(needsMaven ? ['maven'] : [])]
  const failure = missing.length === 0 ? undefined : await aptInstall(missing, signal)
  if (failure !== undefined) return failure
  const noBroker = await downloadJars(KAFKA_VERSION, signal)
  if (noBroker === undefined) await downloadJars(TOOLS_VERSION, signal)
  return noBroker
}

/** The folder gets its name when it is complete, so that whoever sees it can use it. */
const downloadJars = async (version: string, signal: AbortSignal): Promise<string | undefined> => {
  if (existsSync(kafkaJars(version))) return undefined
  await mkdir(CACHE, { recursive: true })
  const folder = await mkdtemp(join(CACHE, 'download-'))
  try {
    await writeFile(join(folder, 'pom.xml'), pom(version))
    const args = ['-B', '-q', '-f', join(folder, 'pom.xml'), COPY_JARS, '-DincludeScope=runtime']
    const { failure } = await runCommand('mvn', [...args, `-DoutputDirectory=${join(folder, 'jars')}`], signal)
    if (failure === undefined) await rename(join(folder, 'jars'), kafkaJars(version)).catch(unlessThere(version))
    return failure
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Another run was quicker. */
const unlessThere =
  (version: string) =>
  (error: Error): void => {
    if (!existsSync(kafkaJars(version))) throw error
  }

const dependency = (group: string, artifact: string, version: string): string =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>${OTHER_LOG}</dependency>`

/** Kafka 3 brings a way that writes nowhere unless it is told where, and would be taken first. */
const OTHER_LOG =
  '<exclusions><exclusion><groupId>org.slf4j</groupId><artifactId>slf4j-reload4j</artifactId></exclusion></exclusions>'

const pom = (version: string): string => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace.test</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    ${dependency('org.apache.kafka', 'kafka_2.13', version)}
    ${version === TOOLS_VERSION ? dependency('org.apache.kafka', 'kafka-tools', version) : ''}
    ${dependency('org.slf4j', 'slf4j-simple', SLF4J_VERSION)}
  </dependencies>
</project>
`
