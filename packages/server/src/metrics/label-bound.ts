/** Keeps the values of a label few, whatever names come from outside: each is a series that somebody keeps for months. */

/** What stands for all values beyond the bound. A queue of that name is counted with them. */
export const OTHER = 'other'

export class LabelBound {
  readonly #max: number
  readonly #known = new Set<string>()

  /** @param max how many values are told apart; the first that come are, for as long as this lives */
  constructor(max: number) {
    this.#max = max
  }

  /** The value itself, or `other`. */
  of(value: string): string {
    if (this.#known.has(value)) return value
    if (this.#known.size >= this.#max) return OTHER
    this.#known.add(value)
    return value
  }
}

/** The bounds that one registry goes by. */
export interface LabelBounds {
  readonly queues: LabelBound
  readonly types: LabelBound
  /** Names of limits, breakers and schedules, each kind by itself. */
  readonly limits: LabelBound
  readonly breakers: LabelBound
  readonly schedules: LabelBound
}

export function labelBounds(): LabelBounds {
  return {
    queues: new LabelBound(200),
    types: new LabelBound(500),
    limits: new LabelBound(200),
    breakers: new LabelBound(200),
    schedules: new LabelBound(200),
  }
}
