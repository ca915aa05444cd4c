/** How a process that was started blank becomes the environment of one function, before any code of the user runs. */

export interface Entering {
  /** Of the function's code, as on Lambda. Not by the spawn: what `nodeOptions` name is found from where the app was started. */
  readonly folder: string
  /** The environment's own, where that is not there. */
  readonly own: string
  /** All that the function sees; left out where the process was started with them. */
  readonly variables?: Readonly<Record<string, string>>
}

/** In the process. */
export const enter = ({ folder, own, variables }: Entering): void => {
  try {
    process.chdir(folder)
  } catch {
    // There is no such folder: what loads the function says so, and what to do.
    process.chdir(own)
  }
  if (!variables) return
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, variables)
}
