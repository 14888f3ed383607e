/** All that a server tells Prometheus. */
import { Registry } from '@prometheus-io/client'
import { CallMetrics } from './call-metrics.ts'
import { ClusterMetrics } from './cluster-metrics.ts'
import { EndsMetrics } from './ends-metrics.ts'
import { exposition, type Scrape } from './exposition.ts'
import { Families } from './families.ts'
import { labelBounds } from './label-bound.ts'
import { ReloadMetrics } from './reload-metrics.ts'
import { VERSION } from '../version.ts'
import type { Caller } from '../access/caller.ts'
import type { Reloads } from '../health/reloads.ts'
import type { ServerParts } from '../parts.ts'

export interface ServerMetricsOptions {
  /** Where it is counted; that of `prometheus()` where the process has workers, too. Default: one of its own. */
  readonly registry?: Registry | undefined
  /** How long a reading of the store is shown until the next one, in milliseconds. Default 5 000. */
  readonly everyMs?: number | undefined
  /** How long a scrape waits for the store, in milliseconds. Default 5 000: half of what Prometheus waits. */
  readonly waitMs?: number | undefined
}

interface Parts extends Pick<ServerParts, 'mill' | 'store' | 'platform' | 'logger'> {
  /** What is read again while the server runs. Left out: nothing. */
  readonly reloads?: (() => Reloads) | undefined
}

export class ServerMetrics {
  /** For those who answer calls. */
  readonly calls: CallMetrics
  readonly #registry: Registry
  readonly #cluster: ClusterMetrics
  readonly #ends: EndsMetrics
  readonly #reloads: ReloadMetrics

  constructor(parts: Parts, { registry = new Registry(), everyMs, waitMs }: ServerMetricsOptions = {}) {
    this.#registry = registry
    const families = new Families(registry)
    const with_ = { families, bounds: labelBounds() }
    const info = families.gauge({
      name: 'millrace_build_info',
      help: '1; what runs is told by the labels.',
      labels: ['version', 'node', 'store'],
    })
    info.set({ version: VERSION, node: process.versions.node, store: parts.store.kind }, 1)
    this.calls = new CallMetrics(families)
    this.#reloads = new ReloadMetrics(families, parts.reloads ?? (() => new Map()))
    const { mill, store, platform, logger } = parts
    const pace = { everyMs: everyMs ?? 5_000, waitMs: waitMs ?? 5_000 }
    this.#cluster = new ClusterMetrics({ mill, store, platform, logger, ...pace }, with_)
    this.#ends = new EndsMetrics({ mill, platform, logger }, with_)
  }

  /** Begins to listen for the ends of tasks. */
  start(): void {
    this.#ends.start()
  }

  /** Listens no more. What was counted can still be scraped. */
  close(): Promise<void> {
    return this.#ends.close()
  }

  /** @param accept the header of who asks: text, or OpenMetrics */
  async scrape(accept: string | null): Promise<Scrape> {
    await this.#cluster.refresh()
    this.#reloads.refresh()
    return exposition(this.#registry, accept)
  }
}

/**
 * What `GET /metrics` needs where it is not open to all: its numbers are of all queues.
 *
 * @throws AccessError `forbidden`
 */
export function checkMetricsAccess(caller: Caller): void {
  caller.requireEverywhere('view')
}

/** Answers `GET /metrics`. Who may ask is for whoever mounts it to check, by `checkMetricsAccess`. */
export function metricsHandler(metrics: ServerMetrics): (request: Request) => Promise<Response> {
  return async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } })
    const { contentType, body } = await metrics.scrape(request.headers.get('accept'))
    const headers = { 'content-type': contentType, 'cache-control': 'no-store' }
    return new Response(request.method === 'HEAD' ? null : body, { headers })
  }
}
