/** A fault with a name: what is done, on which engines, and what must come of it. */
import type { Engine } from '../../servers/stage.ts'
import type { WoundName } from '../rig/wounds.ts'

export interface Trial {
  readonly engine: Engine | 'memory'
  readonly seed: number
  readonly size: Size
  /** How the store is broken: then the scenario must find it. */
  readonly wound?: WoundName | undefined
}

/** How much of it. */
export interface Size {
  /** Tasks, or races, as the scenario has it. */
  readonly tasks: number
  /** For how long there are faults, in milliseconds. */
  readonly forMs: number
}

export interface Verdict {
  /** What was measured, by name. */
  readonly figures: Readonly<Record<string, number | string>>
  /** How many tasks were put through it. */
  readonly tasks: number
  /** In words; none if it passed. */
  readonly problems: readonly string[]
  /** Bounds of time that were exceeded, in words: a machine that is busy with something else may be the reason. */
  readonly late?: readonly string[] | undefined
}

export interface Scenario {
  readonly name: string
  /** What has to hold beside the standard. */
  readonly passes: string
  readonly engines: readonly Trial['engine'][]
  /** The smallest that can still fail, and the one of the promise. */
  readonly sizes: { readonly short: Size; readonly whole: Size }
  /** Broken stores that it finds, and what its problems say then. */
  readonly finds: readonly { readonly wound: WoundName; readonly says: RegExp }[]
  readonly run: (trial: Trial) => Promise<Verdict>
}

/** What must not exceed a bound, in words if it does. */
export function atMost(what: string, figure: number, most: number): readonly string[] {
  return figure <= most ? [] : [`${what}: ${figure}, and at most ${most} are allowed`]
}
