/** Processor time of a server: of its first process and of all that it has started, also of those that have ended. */
import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts in hundredths of a second. */
const TICK_US = 10_000

/** @returns 0 where it cannot be told */
export function engineCpuUs(pid: number | null): number {
  if (pid === null) return 0
  const times = [pid, ...childrenOf(pid)].flatMap((one) => statOf(one) ?? [])
  return times.reduce((sum, { ticks }) => sum + ticks, 0) * TICK_US
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
  /** Its own, and those of its children that have ended. */
  readonly ticks: number
}

function statOf(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // the name in front may hold blanks and brackets
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    return { parent: Number(fields[1]), ticks }
  } catch {
    return null // it has ended
  }
}
