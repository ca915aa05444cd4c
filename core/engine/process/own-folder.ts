/** How an environment's process gets into its own folder. */

/** Not by the spawn: what `nodeOptions` name is found from where the app was started. */
export const FOLDER_VARIABLE = 'MILLRACE_FOLDER'

/** In the environment, before any code of the user. */
export const enterOwnFolder = (): void => {
  const folder = process.env[FOLDER_VARIABLE]
  delete process.env[FOLDER_VARIABLE]
  if (folder !== undefined) process.chdir(folder)
}
