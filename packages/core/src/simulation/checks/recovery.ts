/** How soon what a killed process ran goes on elsewhere. */
import type { Book } from './book.ts'
import type { Violation } from '../checker.ts'
import type { Effect, ProcessEvent } from '../history.ts'

export function checkRecovery(book: Book): readonly Violation[] {
  const { recoveryMs: bound } = book.bounds
  if (bound === undefined) return []
  return recoveries(book)
    .filter(({ afterMs }) => afterMs > bound)
    .map(({ task, afterMs, killed }) => ({
      code: 'recovery-late',
      task,
      says: `Task ${task}, which ${killed.pid} ran when it was killed, ${afterMs === Infinity ? 'was never run again' : `was run again after ${afterMs} ms`}; the bound is ${bound} ms.`,
    }))
}

interface Recovery {
  readonly task: string
  readonly killed: ProcessEvent
  /** `Infinity`: it never was, and has not ended either. */
  readonly afterMs: number
}

function recoveries({ history, effects, tasks, bounds }: Book): readonly Recovery[] {
  const kills = (history.processes ?? []).filter(({ event }) => event === 'killed')
  return kills.flatMap((killed) =>
    [...effects].flatMap(([task, own]) => {
      const run = own.findLast(
        ({ phase, pid, atMs }) => phase === 'start' && pid === killed.pid && atMs <= killed.atMs,
      )
      if (run === undefined || hasEnded(own, run) || isStale(own, run, killed)) return []
      const next = own.find(
        ({ phase, epoch, atMs }) => phase === 'start' && epoch > run.epoch && atMs >= killed.atMs,
      )
      const finishedAt = tasks.get(task)?.finishedAt ?? null
      const ended =
        finishedAt === null || bounds.storeTime === undefined ? null : finishedAt - bounds.storeTime.aheadMs
      // without a clock in common an end is soon enough
      const without = finishedAt !== null && ended === null ? killed.atMs : Infinity
      const atMs = Math.min(next?.atMs ?? Infinity, ended ?? without)
      return [{ task, killed, afterMs: Math.max(0, atMs - killed.atMs) }]
    }),
  )
}

function hasEnded(own: readonly Effect[], { epoch, nonce }: Effect): boolean {
  return own.some((one) => one.phase === 'end' && one.epoch === epoch && one.nonce === nonce)
}

/** Whether somebody else had it already. */
function isStale(own: readonly Effect[], run: Effect, killed: ProcessEvent): boolean {
  return own.some(({ phase, epoch, atMs }) => phase === 'start' && epoch > run.epoch && atMs <= killed.atMs)
}
