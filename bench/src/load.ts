/** What a load is: who takes part, what each of their processes does, and what is measured and hoped for. */
import type { Engine } from './engine.ts'
import type { Counts } from './side.ts'
import type { Span } from './measuring/span.ts'
import type { Table } from './measuring/profile.ts'

/** Numbers by the key of their metric. */
export type Figures = Readonly<Record<string, number>>

export interface Metric {
  readonly key: string
  readonly title: string
  readonly unit: string
  readonly better: 'more' | 'less'
  /** Where there is such a thing. Default: everywhere. */
  readonly engines?: readonly Engine[]
}

/** In a goal: whichever of the peers in the run did best. */
export const BEST_PEER = 'the best peer'

/** A bound of PERFORMANCE.md: on a figure of `of` itself, or on its ratio to that of `against`. */
export interface Goal {
  readonly metric: string
  readonly of: string
  readonly against?: string
  readonly atLeast?: number
  readonly atMost?: number
  /** What to reach for beyond it. */
  readonly reach?: number
}

export type Goals = Readonly<Partial<Record<Engine, readonly Goal[]>>>

/** What the size of a load depends on. */
export interface Scale {
  readonly engine: Engine
  readonly quick: boolean
}

/** One measurement: the same work by several contenders in turn, each time in fresh processes on a fresh file. */
export interface Case {
  readonly name: string
  readonly about: string
  /** `sides`: Millrace and its peers; otherwise variants of our own. */
  readonly contenders: 'sides' | readonly string[]
  /** Which contender is compared with all others. */
  readonly ratios: 'first / others' | 'others / first'
  /** One process each. A role named `prepare` runs, and ends, before the others start. */
  readonly roles: readonly string[]
  readonly metrics: readonly Metric[]
  readonly goals: Goals
  readonly engines: readonly Engine[]
  /** How many tasks must have been handled exactly once in the end; `null`: the load checks by itself. */
  handled(scale: Scale): number | null
  run(role: Role): Promise<RoleReport>
  /** The figures of the whole, from those of its processes. Default: all of them together. */
  readonly combine?: (reports: readonly RoleReport[]) => Figures
  /** Whether its processes may find code that others have compiled, which takes them some memory. Default true. */
  readonly precompiled?: false
}

export interface Load {
  readonly name: string
  readonly cases: readonly Case[]
}

/** What a process of a load is told, and how it talks to the others. */
export interface Role extends Scale {
  readonly name: string
  readonly contender: string
  /** What a client is given: where the store is to be, as Millrace's own URLs have it, or what stands before it. */
  readonly url: string
  /** Where the store is, for who looks at its engine beside the clients. */
  readonly storeUrl: string
  /** Says that this process is set up, and waits until all are. */
  ready(): Promise<void>
  /** Tells how many tasks were handled here so far; when they are all, everybody is told to stop. */
  progress(handled: number): void
  /** Resolves when all tasks were handled, or the time is up. */
  readonly stopped: Promise<void>
  /** Measures what the work costs; with `profiled` also where its time goes. */
  span(work: () => Promise<void>): Promise<Span>
}

export interface RoleReport {
  readonly figures: Figures
  /** How often each task was handled in this process. */
  readonly seen?: Uint8Array
  /** What the store says has become of its tasks. */
  readonly counts?: Counts
  /** Where the time went. Filled in by the harness. */
  readonly tables?: readonly Table[]
}

/** How many tasks a load is made of: many, or so few that it is over at once. */
export function sized(quick: boolean, full: number, few: number): number {
  return quick ? few : full
}

export const RATE: Metric = { key: 'rate', title: 'throughput', unit: 'tasks/s', better: 'more' }
