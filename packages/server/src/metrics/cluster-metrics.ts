/**
 * The gauges of the whole store, read when somebody scrapes: at most once every few seconds, and never twice at the same
 * time, so that no number of scrapers weighs on a store, and a slow one piles up nothing.
 */
import { bounded } from '../timing/bounded.ts'
import { messageOf } from './error-text.ts'
import { readCluster, type ClusterReading } from './cluster-reading.ts'
import { ClusterGauges } from './cluster-gauges.ts'
import type { Counter, Gauge } from '@prometheus-io/client'
import type { Families } from './families.ts'
import type { LabelBounds } from './label-bound.ts'
import type { Logger, Mill, Platform } from '@millrace/core'
import type { Store } from '@millrace/core/store'

export interface ClusterMetricsParts {
  readonly mill: Mill
  readonly store: Store
  readonly platform: Platform
  readonly logger: Logger
  /** How long a reading is shown until the next one begins. */
  readonly everyMs: number
  /** How long a scrape waits for a reading. */
  readonly waitMs: number
}

/** What was read last is shown for so long while nothing can be read: then there are no gauges, which is the truth. */
const STALE_MS = 60_000

export class ClusterMetrics {
  readonly #parts: ClusterMetricsParts
  readonly #gauges: ClusterGauges
  readonly #up: Gauge
  readonly #seconds: Gauge
  readonly #age: Gauge
  readonly #failures: Counter
  /** The one that is under way. Never rejects. */
  #reading: Promise<'over'> | undefined
  #begunAtMs = -Infinity
  #readAtMs: number | undefined

  constructor(
    parts: ClusterMetricsParts,
    { families, bounds }: { readonly families: Families; readonly bounds: LabelBounds },
  ) {
    this.#parts = parts
    this.#gauges = new ClusterGauges(families, bounds)
    this.#up = families.gauge({
      name: 'millrace_scrape_store_up',
      help: '1 if the store was read for the gauges of the latest scrape; 0 if it failed or took too long.',
    })
    this.#seconds = families.gauge({
      name: 'millrace_scrape_store_seconds',
      help: 'How long the latest reading of the store took.',
    })
    this.#age = families.gauge({
      name: 'millrace_scrape_age_seconds',
      help: 'How old the reading is that the gauges of the store are from.',
    })
    this.#failures = families.counter({
      name: 'millrace_scrape_failures_total',
      help: 'Readings of the store for the gauges that failed.',
    })
  }

  /** Brings the gauges up to date, as far as the store answers in time. Never rejects. */
  async refresh(): Promise<void> {
    const { platform, everyMs, waitMs } = this.#parts
    const nowMs = platform.monotonicMs()
    if (this.#reading === undefined && nowMs - this.#begunAtMs >= everyMs) {
      this.#begunAtMs = nowMs
      this.#reading = this.#read().finally(() => (this.#reading = undefined))
    }
    if (this.#reading !== undefined) {
      const inTime = await bounded(platform, waitMs, this.#reading)
      if (inTime === undefined) this.#up.set(0)
    }
    this.#tellAge()
  }

  async #read(): Promise<'over'> {
    const { mill, store, platform, logger } = this.#parts
    const begunAtMs = platform.monotonicMs()
    try {
      const reading: ClusterReading = await readCluster(mill, store)
      this.#gauges.write(reading)
      this.#readAtMs = platform.monotonicMs()
      this.#up.set(1)
    } catch (error) {
      this.#up.set(0)
      this.#failures.inc()
      logger.warn({ error: messageOf(error) }, 'the store could not be read for the metrics')
    }
    this.#seconds.set((platform.monotonicMs() - begunAtMs) / 1_000)
    return 'over'
  }

  #tellAge(): void {
    if (this.#readAtMs === undefined) return
    const ageMs = this.#parts.platform.monotonicMs() - this.#readAtMs
    this.#age.set(ageMs / 1_000)
    if (ageMs > STALE_MS) this.#gauges.clear()
  }
}
