/** How stores with rows keep what a task's unique key is about, where holding it by living does not say it all. */
import type { TaskId, UniqueSpec } from './records.ts'

/** `life`, `wait`: as long as the task does so. `time`: for a time. */
const MODES = { life: 'l', wait: 'w', time: 't' } as const
type Mode = keyof typeof MODES

/** On which terms a task holds its unique key. */
export interface KeyTerms {
  readonly mode: Mode
  /** Whom the task replaced when it was enqueued. */
  readonly replaced: TaskId | null
  readonly key: string
}

function modeOf({ while: held }: UniqueSpec): Mode {
  if (typeof held === 'object') return 'time'
  return held === 'live' ? 'life' : 'wait'
}

/** One letter, whom it replaced, a space, the key. `null`: no key, or one that is held by living, by a task that replaced nobody. */
export function keyTermsText(unique: UniqueSpec | null, replaced: TaskId | null): string | null {
  if (unique === null || (unique.while === 'live' && replaced === null)) return null
  return `${MODES[modeOf(unique)]}${replaced ?? ''} ${unique.key}`
}

/** The key that the task itself holds to begin with; `null`: none, or a window does. */
export function ownKeyOf(unique: UniqueSpec | null): string | null {
  return unique === null || typeof unique.while === 'object' ? null : unique.key
}

/** The terms of a unique key from the text that `writeKeyTerms` made. */
export function readKeyTerms(text: string): KeyTerms {
  const space = text.indexOf(' ')
  const mode = (Object.keys(MODES) as Mode[]).find((name) => MODES[name] === text[0])!
  const replaced = space === 1 ? null : text.slice(1, space)
  return { mode, replaced, key: text.slice(space + 1) }
}

/** The key that is shown: held or not. */
export function shownKey(held: string | null, terms: string | null): string | null {
  return terms === null ? held : readKeyTerms(terms).key
}
