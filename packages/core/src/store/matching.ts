/** What a filter asks of a task beyond its state, queue and type. Stores share it, so that they agree to the letter. */
import type { TaskFilter } from './control.ts'

/** What of a task is looked at. */
export interface Described {
  readonly type: string
  readonly tags: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  /** The message of its error; `null` without one. */
  readonly error: string | null
}

/** Whether tasks have to be looked into to tell whether they match: a page over them looks at more than it answers. */
export function looksInto({ metadata, text }: TaskFilter): boolean {
  return metadata !== undefined || text !== undefined
}

/** Whether a task has the tag, all of the metadata, and the text in its type, a tag, a value of its metadata or its error. */
export function fitsDescription(task: Described, { tag, metadata, text }: TaskFilter): boolean {
  if (tag !== undefined && !task.tags.includes(tag)) return false
  for (const key in metadata) {
    if (!Object.hasOwn(task.metadata, key) || task.metadata[key] !== metadata[key]) return false
  }
  return text === undefined || holdsText(task, text.toLowerCase())
}

function holdsText({ type, tags, metadata, error }: Described, text: string): boolean {
  const texts = [type, ...tags, ...Object.values(metadata), error ?? '']
  return texts.some((one) => one.toLowerCase().includes(text))
}
