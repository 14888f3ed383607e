/** Processor time of a server: of its first process and of all that it has started, also of those that have ended. */
import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts in hundredths of a second. */
const TICK_US = 10_000

/** @returns 0 where it cannot be told */
export function engineCpuUs(pid: number | null): number {
  if (pid === null) return 0
  for (;;) {
    const before = statOf(pid)
    if (before === null) return 0
    const running = childrenOf(pid).flatMap((one) => statOf(one) ?? [])
    // a child that ended meanwhile is in neither sum, or in both
    if (statOf(pid)?.ended !== before.ended) continue
    return [before, ...running].reduce((sum, { own, ended }) => sum + own + ended, 0) * TICK_US
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((one) => statOf(one)?.parent === pid)
  } catch {
    return [] // not on Linux
  }
}

interface Stat {
  readonly parent: number
  readonly own: number
  /** Of its children that have ended. */
  readonly ended: number
}

function statOf(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // the name in front may hold blanks and brackets
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const [user, system, endedUser, endedSystem] = fields.slice(11, 15).map(Number) as [
      number,
      number,
      number,
      number,
    ]
    return { parent: Number(fields[1]), own: user + system, ended: endedUser + endedSystem }
  } catch {
    return null // it has ended
  }
}
