/** No limit is exceeded at any instant. */
import { isCutShort, runsOf, type Book } from './book.ts'
import type { Allowance, Rate } from '../../store/flow.ts'
import type { TaskRecord } from '../../store/records.ts'
import type { Violation } from '../checker.ts'

interface Use {
  readonly from: number
  readonly to: number
  readonly cost: number
}

export function checkLimits(book: Book): readonly Violation[] {
  return (book.bounds.limits ?? []).flatMap(({ name, allowance }) =>
    [...usesOf(book, name)].flatMap(([key, uses]) => judge(`${name} of ${key}`, allowance, uses)),
  )
}

/** Who ran under each key of a limit, and when. */
function usesOf({ history }: Book, name: string): ReadonlyMap<string, readonly Use[]> {
  const uses = new Map<string, Use[]>()
  for (const task of history.final.tasks) {
    if (isCutShort(task)) continue
    for (const { key, cost } of keysOf(task, name)) {
      const runs = runsOf(task).map((run) => ({ ...run, cost }))
      uses.set(key, [...(uses.get(key) ?? []), ...runs])
    }
  }
  return uses
}

function keysOf({ queue, type, lane }: TaskRecord, name: string): readonly { key: string; cost: number }[] {
  if (name === `queue:${queue}` || name === `type:${type}`) return [{ key: name, cost: 1 }]
  return lane?.limits.filter((limit) => limit.name === name) ?? []
}

function judge(name: string, { concurrency, rate }: Allowance, uses: readonly Use[]): readonly Violation[] {
  const found: Violation[] = []
  const most = concurrency === null ? 0 : mostAtOnce(uses)
  if (concurrency !== null && most > concurrency) {
    const says = `${most} tasks ran at once under the limit ${name}, which allows ${concurrency}.`
    found.push({ code: 'limit-exceeded', task: null, says })
  }
  if (rate !== null && isExceeded(rate, uses)) {
    const says = `More tasks started under the limit ${name} than its rate allows.`
    found.push({ code: 'rate-exceeded', task: null, says })
  }
  return found
}

function mostAtOnce(uses: readonly Use[]): number {
  const changes = uses
    .flatMap(({ from, to }) => [
      { at: from, by: 1 },
      { at: to, by: -1 },
    ])
    // what a moment frees may be taken at the same moment
    .toSorted((a, b) => a.at - b.at || a.by - b.by)
  let now = 0
  let most = 0
  for (const { by } of changes) {
    now += by
    most = Math.max(most, now)
  }
  return most
}

/** In no span more than a burst and what its time brings. */
function isExceeded({ limit, perMs, burst }: Rate, uses: readonly Use[]): boolean {
  const starts = uses.toSorted((a, b) => a.from - b.from)
  for (const [first, { from }] of starts.entries()) {
    let sum = 0
    for (const use of starts.slice(first)) {
      sum += Math.min(use.cost, burst)
      if (sum > burst + ((use.from - from) * limit) / perMs + 1e-6) return true
    }
  }
  return false
}
