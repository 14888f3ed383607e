/** Tasks that failed for good, those of one kind together. */
import { fingerprint } from '../platform/hash.ts'
import type { FailReason, TaskId, TaskSummary } from '../store/records.ts'

/** Failures of one kind: of one task, for one reason, with one error. */
export interface DeadGroup {
  /** 12 hex digits, the same wherever and whenever such a failure is found. */
  readonly fingerprint: string
  readonly type: string
  readonly reason: FailReason
  /** The name of the error; `null` where nothing was thrown. */
  readonly error: string | null
  /** Its message, with numbers and ids masked, which differ from task to task. */
  readonly message: string | null
  readonly count: number
  /** When the newest and the oldest of them failed, in milliseconds since 1970. */
  readonly newest: number
  readonly oldest: number
  /** The newest of them. */
  readonly example: TaskId
}

/** So many kinds are told apart; what comes beyond them is older, and left out. */
const GROUPS_MAX = 10_000

const MASKS: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, '<id>'],
  [/\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/gi, '<id>'],
  [/\d+(\.\d+)?/g, '<n>'],
]

export class DeadGroups {
  readonly #groups = new Map<string, DeadGroup>()

  /** Tasks come newest first. */
  add({ id, type, reason: given, error, finishedAt, enqueuedAt }: TaskSummary): void {
    const reason = given ?? 'error'
    // of a crash also how much memory it took, which is never twice the same
    const name = error?.name.replace(/, \d+ MiB\)$/, ')') ?? null
    const message = error === null ? null : masked(error.message)
    const key = fingerprint(JSON.stringify([type, reason, name, message]))
    const at = finishedAt ?? enqueuedAt
    const group = this.#groups.get(key)
    if (group === undefined && this.#groups.size >= GROUPS_MAX) return
    this.#groups.set(key, {
      ...(group ?? { fingerprint: key, type, reason, error: name, message, newest: at, example: id }),
      count: (group?.count ?? 0) + 1,
      oldest: Math.min(group?.oldest ?? at, at),
    })
  }

  /** The largest first. */
  largest(limit: number): readonly DeadGroup[] {
    const sorted = [...this.#groups.values()].sort((a, b) => b.count - a.count || b.newest - a.newest)
    return sorted.slice(0, limit)
  }
}

function masked(message: string): string {
  return MASKS.reduce((text, [pattern, mask]) => text.replaceAll(pattern, mask), message)
}
