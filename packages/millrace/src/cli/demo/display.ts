/** What the demo shows while it runs: one line that is written over on a terminal, a few lines elsewhere. */
import { grouped, type Output } from '../output.ts'
import type { Counts } from './census.ts'

export interface Totals {
  readonly files: number
  readonly packages: number
}

const BAR = 19
/** Elsewhere than on a terminal a line is written at each of these shares. */
const STEP = 0.25
const CLEAR_LINE = '\r\u001b[K'

export class Display {
  readonly #output: Output
  readonly #totals: Totals
  readonly #live: boolean
  readonly #since = performance.now()
  #told = 0

  constructor(output: Output, totals: Totals) {
    this.#output = output
    this.#totals = totals
    this.#live = process.stdout.isTTY && !output.json
  }

  show(counts: Counts): void {
    if (this.#output.json) return
    if (this.#live)
      process.stdout.write(CLEAR_LINE + this.#line(counts).slice(0, (process.stdout.columns || 120) - 1))
    else this.#tell(counts)
  }

  /** The last state, to stay. */
  finish(counts: Counts): void {
    if (this.#output.json) return
    if (this.#live) process.stdout.write(CLEAR_LINE)
    this.#output.line(this.#line(counts))
  }

  /** Leaves the line for something else to be written. */
  clear(): void {
    if (this.#live) process.stdout.write(CLEAR_LINE)
  }

  #tell({ files, packages }: Counts): void {
    const share = files / Math.max(this.#totals.files, 1)
    if (share < this.#told + STEP || share >= 1) return
    this.#told = Math.floor(share / STEP) * STEP
    const { files: filesMax, packages: packagesMax } = this.#totals
    this.#output.line(
      `  files ${grouped(files)} of ${grouped(filesMax)}   packages ${grouped(packages)} of ${grouped(packagesMax)}`,
    )
  }

  #line({ files, packages, reports }: Counts): string {
    const share = this.#totals.files === 0 ? 1 : Math.min(1, files / this.#totals.files)
    const full = Math.floor(share * BAR)
    const bar = '█'.repeat(full) + '░'.repeat(BAR - full)
    const left = `  files ${bar} ${grouped(files)}   packages ${grouped(packages)}   report ${reports}`
    return `${left.padEnd(92)}${((performance.now() - this.#since) / 1_000).toFixed(1)} s`
  }
}
