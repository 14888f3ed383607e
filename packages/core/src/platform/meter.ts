/** What this process takes of its machine, with its threads and the child processes that are its isolates. */
const MIB = 1_048_576

/** What a child process was last heard to take. */
export interface ChildUse {
  /** In bytes. */
  readonly memory: number
  /** Processor time so far, in milliseconds. */
  readonly cpuMs: number
}

export interface ChildMeter {
  heard(use: ChildUse): void
  /** It is gone; the time that it took stays counted. */
  ended(): void
}

const children = new Map<ChildMeter, ChildUse>()
let endedMs = 0

export function meterChild(): ChildMeter {
  const meter: ChildMeter = {
    heard: (use) => void children.set(meter, use),
    ended: () => {
      endedMs += children.get(meter)?.cpuMs ?? 0
      children.delete(meter)
    },
  }
  return meter
}

export function memoryMb(): number {
  return sumOf(({ memory }) => memory, process.memoryUsage.rss()) / MIB
}

/** Processor time so far, in milliseconds. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return sumOf((use) => use.cpuMs, (user + system) / 1_000 + endedMs)
}

function sumOf(part: (use: ChildUse) => number, own: number): number {
  return children.values().reduce((sum, use) => sum + part(use), own)
}
