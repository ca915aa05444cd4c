/** How a process that was started blank becomes the environment of one function, before any code of the user runs. */

export interface Entering {
  /** The environment's own. Not by the spawn: what `nodeOptions` name is found from where the app was started. */
  readonly folder: string
  /** All that the function sees; left out where the process was started with them. */
  readonly variables?: Readonly<Record<string, string>>
}

/** In the process. */
export const enter = ({ folder, variables }: Entering): void => {
  process.chdir(folder)
  if (!variables) return
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, variables)
}
