/** Whether unique keys were ever held by two at once. */
import { crowded } from './spans.ts'
import type { Scene } from './crowd.ts'

export interface KeyVerdict {
  readonly tasks: number
  /** How many tasks certainly held a key for a while, by type. */
  readonly held: ReadonlyMap<string, number>
  /** In words; none, if no key was ever held by two. */
  readonly problems: readonly string[]
}

export async function judgeKeys({ mill, journal, tasks }: Scene): Promise<KeyVerdict> {
  const spans = await journal.keySpans(mill, tasks)
  const types = new Map(tasks.map(({ id, type }) => [id, type]))
  const held = new Map<string, number>()
  for (const { holder } of spans) {
    const type = types.get(holder)!
    held.set(type, (held.get(type) ?? 0) + 1)
  }
  return { tasks: tasks.length, held, problems: crowded(spans) }
}
