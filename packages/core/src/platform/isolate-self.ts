/** What an isolate can know of itself, and do about itself; and whoever else. */
import { getHeapStatistics } from 'node:v8'

const MIB = 1_048_576

/** V8 counts the space for young objects in: 3 × 64 MiB, unless it is told otherwise. */
const YOUNG_MB = 192
const LIMIT_MIN_MB = 64

/** What objects take, as a part of what they may take: of so many MiB, or of what Node gives them. */
export function heapShare(heapMb: number | null): number {
  return getHeapStatistics().used_heap_size / ((heapMb ?? heapLimitMb()) * MIB)
}

/** Most that the objects of this process may take once they have grown old, in MiB: what `--max-old-space-size` says. */
export function heapLimitMb(): number {
  return Math.max(Math.round(getHeapStatistics().heap_size_limit / MIB) - YOUNG_MB, LIMIT_MIN_MB)
}

export async function importing(url: string): Promise<Readonly<Record<string, unknown>>> {
  return (await import(url)) as Record<string, unknown>
}

export function leave(): void {
  process.exit(0)
}
