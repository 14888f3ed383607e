/** Lanes, and the eight bytes by which records refer to them. */
import { internLanes, lanesNamed } from './lua/scripts.ts'
import { AT } from './layout.ts'
import type { Lane, LaneLimit } from '@millrace/core/store'
import type { Extras } from './reading.ts'
import type { Home } from './home.ts'

/** In the fifth byte of a lane. */
const FIFO = 128
const KEYED = 64
const ROUTED = 32

const NONE: Buffer = Buffer.alloc(8)
const NONE_TEXT = NONE.toString('latin1')

/** How many lanes a client remembers. */
const KNOWN_MAX = 50_000

type Named = Omit<Lane, 'limits'> & { readonly limits: readonly Omit<LaneLimit, 'cost'>[] }

/** What a client knows of the lanes of a home. */
export class Lanes {
  readonly #bytes = new Map<string, Buffer>()
  readonly #texts = new WeakMap<Lane, string>()
  /** By their bytes. */
  readonly #named = new Map<string, Named>()
  readonly #missing = new Map<string, Lane>()

  /** Zeros for what has no bytes yet, which is noted, and must be learnt first. */
  bytesOf(lane: Lane | null): Buffer {
    if (lane === null) return NONE
    const text = this.#textOf(lane)
    const bytes = this.#bytes.get(text)
    if (bytes === undefined) this.#missing.set(text, lane)
    return bytes ?? NONE
  }

  #textOf(lane: Lane): string {
    const known = this.#texts.get(lane)
    if (known !== undefined) return known
    const { partition, fifo, limits, prefers, spillMs } = lane
    const keys = limits.map(({ name, key }) => [name, key])
    const text = JSON.stringify([partition, fifo, keys, prefers, spillMs])
    this.#texts.set(lane, text)
    return text
  }

  /** Whether all that were asked for since the last call are known. */
  get complete(): boolean {
    return this.#missing.size === 0
  }

  /** Gives bytes to all that were missed. */
  async learn(home: Home): Promise<void> {
    const missing = [...this.#missing]
    this.#missing.clear()
    if (missing.length === 0) return
    if (this.#bytes.size + missing.length > KNOWN_MAX) this.#bytes.clear()
    const packer = home.packer.array(3 * missing.length)
    for (const [text, lane] of missing) {
      const { partition } = lane
      packer.text(text)
      if (partition === null) packer.no()
      else packer.text(partition)
      packer.int(marksOf(lane))
    }
    const given = (await home.run(internLanes, packer.done())) as readonly Buffer[]
    for (const [index, [text]] of missing.entries()) this.#bytes.set(text, Buffer.from(given[index]!))
  }

  /** Somebody forgot a lane that no task had any more. */
  forget(): void {
    this.#bytes.clear()
    this.#named.clear()
    this.#missing.clear()
  }

  /** Learns what the lanes of these records are. */
  async know(home: Home, records: readonly Buffer[]): Promise<void> {
    const unknown = new Set(
      records.map(laneIn).filter((lane) => lane !== NONE_TEXT && !this.#named.has(lane)),
    )
    if (unknown.size === 0) return
    if (this.#named.size + unknown.size > KNOWN_MAX) {
      this.#named.clear()
      return this.know(home, records)
    }
    const asked = [...unknown]
    const texts = (await home.ask(lanesNamed, (packer) => {
      packer.array(asked.length)
      for (const lane of asked) packer.bytes(Buffer.from(lane, 'latin1'))
    })) as readonly Buffer[]
    for (const [index, text] of texts.entries()) {
      if (text.length === 0) continue
      this.#named.set(asked[index]!, readLane(String(text)))
    }
  }

  /** Whether the partitions of these records are known. */
  knowsPartitions(records: readonly Buffer[]): boolean {
    return records.every((record) => this.#named.has(laneIn(record)))
  }

  /** Of a task whose lane is known, if it has a partition. */
  partitionOf(record: Buffer): string | null {
    return hasPartition(record) ? (this.#named.get(laneIn(record))?.partition ?? null) : null
  }

  /** Of a task whose lane is known; `null` for that of ordinary tasks. */
  laneOf(record: Buffer, extras: Extras): Lane | null {
    const named = this.#named.get(laneIn(record))
    if (named === undefined) return null
    const text = extras.get('co')
    const costs = text === undefined ? [] : (JSON.parse(String(text)) as readonly number[])
    const limits = named.limits.map((limit, index) => ({ ...limit, cost: costs[index] ?? 1 }))
    return { ...named, limits }
  }
}

function marksOf({ fifo, limits, prefers }: Lane): number {
  return (fifo ? FIFO : 0) + (limits.length > 0 ? KEYED : 0) + (prefers.length > 0 ? ROUTED : 0)
}

function readLane(text: string): Named {
  const [partition, fifo, keys, prefers, spillMs] = JSON.parse(text) as readonly [
    string | null,
    boolean,
    readonly (readonly [name: string, key: string])[],
    readonly string[],
    number,
  ]
  return { partition, fifo, limits: keys.map(([name, key]) => ({ name, key })), prefers, spillMs }
}

export function hasPartition(record: Buffer): boolean {
  return record.readUInt32BE(AT.lane) !== 0
}

function laneIn(record: Buffer): string {
  return record.toString('latin1', AT.lane, AT.lane + 8)
}

/** Whether tasks of it can be added many at a time. */
export function isPlainLane(lane: Lane | null): boolean {
  return lane === null || (!lane.fifo && costsOf(lane) === null)
}

/** What a task takes of the rates of its keys, as JSON; `null` if it takes 1 of each. */
export function costsOf({ limits }: Lane): string | null {
  return limits.every(({ cost }) => cost === 1) ? null : JSON.stringify(limits.map(({ cost }) => cost))
}
