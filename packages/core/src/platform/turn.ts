/** Resolves when everything that is already in motion in this process, except for I/O, has come to rest. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
