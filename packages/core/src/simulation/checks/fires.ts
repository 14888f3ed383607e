/** Each fire time of a schedule has one task, and none is left out. */
import type { Book } from './book.ts'
import type { Violation } from '../checker.ts'

export function checkFires({ history, bounds, ...book }: Book): readonly Violation[] {
  const fired = new Map<string, number>()
  for (const { schedule, fireAt, atMs } of history.fires ?? []) {
    const name = `${schedule} ${fireAt}`
    const forgotten = atMs !== undefined && book.mayForget(atMs)
    fired.set(name, (fired.get(name) ?? 0) + (forgotten ? 0 : 1))
  }
  const doubled = [...fired].flatMap(([name, times]): Violation[] => {
    const says = `Schedule ${name.replace(' ', ' at ')} fired ${times} times.`
    return times < 2 ? [] : [{ code: 'fire-doubled', task: null, says }]
  })
  return [...doubled, ...missed(bounds.fires ?? [], fired)]
}

function missed(
  due: readonly { readonly schedule: string; readonly at: readonly number[] }[],
  fired: ReadonlyMap<string, unknown>,
): readonly Violation[] {
  return due.flatMap(({ schedule, at }): readonly Violation[] => {
    const missing = at.filter((one) => !fired.has(`${schedule} ${one}`))
    const extra = [...fired.keys()].filter(
      (name) => name.startsWith(`${schedule} `) && !at.includes(Number(name.slice(schedule.length + 1))),
    )
    return [
      ...missing.map((one) => ({
        code: 'fire-missed' as const,
        task: null,
        says: `Schedule ${schedule} did not fire at ${one}.`,
      })),
      ...extra.map((name) => ({
        code: 'fire-doubled' as const,
        task: null,
        says: `Schedule ${name.replace(' ', ' fired at ')}, which is none of its times.`,
      })),
    ]
  })
}
