/** As it was when this was loaded: fake timers of a test stop what they find in its place. */
const immediately = setImmediate

/** Resolves when everything that is already in motion in this process, except for I/O, has come to rest. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => immediately(resolve))
}
