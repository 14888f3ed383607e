/** What else the machine does: trials that others disturb say little, and can be waited with or made again. */
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'

/** The share of all processors that others may take before a trial counts as disturbed. */
const SHARE_MAX = 0.1

/** How long the machine must have been quiet before a trial begins. */
const QUIET_MS = 1_500

/** Then it begins anyway. */
const PATIENCE_MS = 900_000

/** How often a disturbed trial is made again. */
const TRIES_MAX = 8

/** Linux counts in hundredths of a second. */
const TICK_US = 10_000

export interface Disturbed {
  /** Processor time of all processes of the trial. */
  readonly cpuUs: number
}

/**
 * Makes a trial while nobody else needs the machine, and again if somebody did. What decides is what others
 * did, never how the trial came out.
 */
export async function undisturbed<T extends Disturbed>(
  trial: () => Promise<T>,
  say: (line: string) => void,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    await quiet()
    const watch = new Watch()
    const result = await trial()
    const share = watch.othersShare(result.cpuUs)
    if (share <= SHARE_MAX || tries === TRIES_MAX) return result
    say(`others took ${(100 * share).toFixed(0)} % of the machine: once more`)
  }
}

async function quiet(): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    const watch = new Watch()
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS))
    if (watch.othersShare(0) <= SHARE_MAX || performance.now() > end) return
  }
}

class Watch {
  readonly #from = performance.now()
  readonly #busyUs = busyUs()
  readonly #own = process.cpuUsage()

  /** Of the time of all processors since then, apart from what is known to be ours. */
  othersShare(oursUs: number): number {
    const { user, system } = process.cpuUsage(this.#own)
    const allUs = (performance.now() - this.#from) * 1_000 * cpus().length
    return Math.max(busyUs() - this.#busyUs - oursUs - user - system, 0) / allUs
  }
}

/** Since the machine was started, over all processors: everything but idling and waiting for disks. */
function busyUs(): number {
  try {
    const [, user, nice, system, , , interrupts, soft, steal] = readFileSync('/proc/stat', 'utf8')
      .split('\n', 1)[0]!
      .split(/ +/)
    const ticks = [user, nice, system, interrupts, soft, steal].map(Number)
    return ticks.reduce((sum, some) => sum + some, 0) * TICK_US
  } catch {
    return 0 // not on Linux: then nobody is seen
  }
}
