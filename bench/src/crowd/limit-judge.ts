/** Whether limits were ever exceeded, or an order broken, by what handlers told and the histories of their tasks. */
import { CONCURRENCY, RATE } from './limit-play.ts'
import { crowded, type Span } from './spans.ts'
import type { TaskListItem } from 'millrace'
import type { Scene } from './crowd.ts'

export interface LimitVerdict {
  readonly tasks: number
  /** How many claims were looked at, by type. */
  readonly claims: ReadonlyMap<string, number>
  /** How many ran at once under one key at most, by type. */
  readonly atOnce: ReadonlyMap<string, number>
  /** In words; none, if nothing was. */
  readonly problems: readonly string[]
}

/** From a claim to its end, by the store's clock. */
interface ClaimSpan extends Span {
  readonly task: TaskListItem
  readonly claimedAt: number
}

/** What ends a claim. */
const ENDS: ReadonlySet<string> = new Set([
  'succeeded',
  'failed',
  'cancelled',
  'retry',
  'crashed',
  'snoozed',
  'returned',
])

export async function judgeLimits(scene: Scene): Promise<LimitVerdict> {
  const spans: ClaimSpan[] = []
  for (const task of scene.tasks) spans.push(...(await claimsOf(scene, task)))
  const ofType = (type: string): readonly ClaimSpan[] => spans.filter(({ task }) => task.type === type)
  const types = ['limited', 'rated', 'ordered'] as const
  return {
    tasks: scene.tasks.length,
    claims: new Map(types.map((type) => [type, ofType(type).length])),
    atOnce: new Map(types.map((type) => [type, mostAtOnce(ofType(type))])),
    problems: [
      ...crowded(certain(ofType('limited')), CONCURRENCY).map((text) => `too many at once: ${text}`),
      ...tooFast(ofType('rated')).map((text) => `too fast: ${text}`),
      ...crowded(certain(ofType('ordered'))).map((text) => `two of a series at once: ${text}`),
      ...overtaken(scene, ofType('ordered')).map((text) => `out of order: ${text}`),
    ],
  }
}

/**
 * A claim certainly held its place from when its handler told that it was at work until the time of its end in the
 * history, which is read before that is written. One whose handler told nothing holds nothing for certain.
 */
async function claimsOf({ mill, journal }: Scene, task: TaskListItem): Promise<readonly ClaimSpan[]> {
  const spans: ClaimSpan[] = []
  const starts = journal.startsOf(task.id)
  let claimedAt: number | undefined
  for (const { event, at } of await mill.tasks.history(task.id)) {
    if (event === 'claimed') claimedAt = at
    if (claimedAt === undefined || !ENDS.has(event)) continue
    const [begin, end] = [claimedAt, at]
    const from = starts.filter((start) => start > begin && start <= end).toSorted((a, b) => a - b)[0]
    spans.push({
      key: task.tags[0]!,
      holder: task.id,
      from: from ?? Infinity,
      to: end,
      task,
      claimedAt: begin,
    })
    claimedAt = undefined
  }
  return spans
}

function certain(spans: readonly ClaimSpan[]): readonly Span[] {
  return spans.filter(({ from, to }) => from < to)
}

function mostAtOnce(spans: readonly ClaimSpan[]): number {
  for (let most = 1; ; most++) if (crowded(certain(spans), most).length === 0) return most
}

/** The rate as its definition says it: never more than the burst and what the time since lets through. */
function tooFast(spans: readonly ClaimSpan[]): readonly string[] {
  const found: string[] = []
  const unitMs = 1_000 / RATE.limit
  for (const [key, own] of Map.groupBy(spans, (span) => span.key)) {
    let arrivalAt = 0
    for (const { claimedAt, holder } of own.toSorted((a, b) => a.claimedAt - b.claimedAt)) {
      arrivalAt = Math.max(arrivalAt, claimedAt) + unitMs
      // the store's clock is written in whole milliseconds
      const aheadMs = arrivalAt - claimedAt - RATE.burst * unitMs
      if (aheadMs > 1) found.push(`${key} at ${claimedAt}: ${holder} came ${Math.round(aheadMs)} ms too soon`)
    }
  }
  return found
}

/**
 * Of two tasks of which one certainly was there before the other was enqueued, the other's handler is called when the
 * first has ended. (The time of a claim is that at which its operation began: it may have waited for the end.)
 */
function overtaken({ journal }: Scene, spans: readonly ClaimSpan[]): readonly string[] {
  const found: string[] = []
  for (const [key, own] of Map.groupBy(spans, (span) => span.key)) {
    const firsts = [...Map.groupBy(own, (span) => span.holder).values()].map((claims) => claims[0]!)
    const inOrder = firsts.toSorted((a, b) => a.task.enqueuedAt - b.task.enqueuedAt)
    for (const [index, { task, from }] of inOrder.entries()) {
      for (const { task: before } of inOrder.slice(Math.max(index - 20, 0), index)) {
        if ((journal.thereFrom(before.id) ?? Infinity) > task.enqueuedAt) continue
        if ((before.finishedAt ?? Infinity) >= from)
          found.push(`${key}: ${task.id} was at work at ${from}, before ${before.id} had ended`)
      }
    }
  }
  return found
}
