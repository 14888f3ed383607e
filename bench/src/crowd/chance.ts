/** One of them, by chance. */
export function drawn<T>(from: readonly T[]): T {
  return from[Math.floor(Math.random() * from.length)]!
}
