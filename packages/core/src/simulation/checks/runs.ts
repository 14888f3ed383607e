/** What handlers did: once under each fence, not too often, and nothing once somebody else had the task. */
import { isCutShort, type Book } from './book.ts'
import type { Violation } from '../checker.ts'

export function checkRuns(book: Book): readonly Violation[] {
  return [
    ...startsUnderOneFence(book),
    ...duplicateStarts(book),
    ...effectsAfterLapse(book),
    ...livelyCrashes(book),
  ]
}

function startsUnderOneFence({ effects }: Book): readonly Violation[] {
  return [...effects].flatMap(([task, own]) => {
    const seen = new Set<string>()
    for (const { phase, epoch, nonce, pid } of own) {
      if (phase !== 'start') continue
      const fence = `${epoch} ${nonce}`
      if (seen.has(fence)) {
        const says = `Task ${task} was started a second time under epoch ${epoch}, nonce ${nonce}, by ${pid}.`
        return [{ code: 'fence-twice', task, says }]
      }
      seen.add(fence)
    }
    return []
  })
}

/** Starts of an attempt that had begun before; where the store knows that it was given back, that is none. */
function duplicateStarts({ effects, tasks, bounds }: Book): readonly Violation[] {
  const { duplicateStartsMax: most } = bounds
  if (most === undefined) return []
  let count = 0
  for (const [id, own] of effects) {
    const starts = own.filter(({ phase }) => phase === 'start')
    const attempts = new Set(starts.map(({ attempt }) => attempt)).size
    const { snoozes = 0, returns = 0, generation = 0 } = tasks.get(id)?.counters ?? {}
    count += Math.max(0, starts.length - attempts - snoozes - returns - generation)
  }
  if (count <= most) return []
  const says = `${count} starts were duplicates, and at most ${most} were allowed.`
  return [{ code: 'duplicate-starts', task: null, says }]
}

/** A worker distrusts itself before anybody else can take its tasks. */
function effectsAfterLapse({ effects, tasks, bounds }: Book): readonly Violation[] {
  const { selfFenced, storeTime } = bounds
  if (selfFenced === undefined || storeTime === undefined) return []
  const { aheadMs, toleranceMs = 0 } = storeTime
  return [...effects].flatMap(([id, own]) =>
    own.flatMap(({ phase, epoch, atMs, pid }) => {
      if (phase !== 'effect') return []
      const taken = tasks
        .get(id)
        ?.history.find((entry) => entry.event === 'reclaimed' && entry.epoch === epoch + 1)
      if (taken?.detail !== 'lapsed' || atMs + aheadMs <= taken.at + toleranceMs) return []
      const lateMs = atMs + aheadMs - taken.at
      const says = `Task ${id}: ${pid} had an effect under epoch ${epoch} ${lateMs} ms after its lease had lapsed and the task was taken over.`
      return [{ code: 'effect-after-lapse', task: id, says }]
    }),
  )
}

/** A crash is what became of a lease that lapsed, and of nothing else; and that is never a failure. */
function livelyCrashes({ history }: Book): readonly Violation[] {
  return history.final.tasks.flatMap((task): readonly Violation[] => {
    if (isCutShort(task)) return []
    let lapsed = false
    for (const { event, detail } of task.history) {
      if (event === 'claimed') lapsed = false
      if (event === 'reclaimed') lapsed ||= detail === 'lapsed'
      if (event === 'crashed' && !lapsed) {
        const says = `Task ${task.id}: a crash was counted, though nobody had taken it over from a lease that lapsed.`
        return [{ code: 'crash-on-live-lease', task: task.id, says }]
      }
      if (event === 'retry' && lapsed) {
        const says = `Task ${task.id}: a failure was counted when its worker had died.`
        return [{ code: 'counts', task: task.id, says }]
      }
    }
    return []
  })
}
