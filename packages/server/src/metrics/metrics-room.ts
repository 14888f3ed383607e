/** `GET /metrics` of a server, and what it counts of the calls. */
import type { Registry } from '@prometheus-io/client'
import { Caller } from '../access/caller.ts'
import { checkHost, type ServedHosts } from '../rest/guards.ts'
import { loggedProblem } from '../rest/logged-problem.ts'
import type { RequestMeta } from '../rest/app.ts'
import type { Reloads } from '../health/reloads.ts'
import type { ServerParts } from '../parts.ts'
import { CallRecorder } from './call-recorder.ts'
import { checkMetricsAccess, metricsHandler, ServerMetrics } from './server-metrics.ts'

/** What is said of the metrics of a server. */
export interface MetricsOptions {
  /** `open`: whoever reaches `/metrics` may read it. Default `closed`: who may view all queues. */
  readonly metrics?: 'open' | 'closed' | undefined
  /** Where it is counted; that of `prometheus()` where the process has workers, too. Default: one of its own. */
  readonly registry?: Registry | undefined
}

interface Parts extends Pick<ServerParts, 'mill' | 'store' | 'platform' | 'logger' | 'authenticator'> {
  readonly reloads: () => Reloads
}

export class MetricsRoom {
  readonly recorder: CallRecorder
  readonly #parts: Parts
  readonly #access: 'open' | 'closed'
  readonly #hosts: ServedHosts
  readonly #metrics: ServerMetrics
  readonly #answer: (request: Request) => Promise<Response>

  constructor(
    parts: Parts,
    { metrics = 'closed', registry, hosts }: MetricsOptions & { readonly hosts: ServedHosts },
  ) {
    this.#parts = parts
    this.#access = metrics
    this.#hosts = hosts
    this.#metrics = new ServerMetrics(parts, { registry })
    this.#answer = metricsHandler(this.#metrics)
    this.recorder = new CallRecorder(this.#metrics.calls, parts.logger)
  }

  start(): void {
    this.#metrics.start()
  }

  close(): Promise<void> {
    return this.#metrics.close()
  }

  async fetch(request: Request, { certificate = null, address = null }: RequestMeta): Promise<Response> {
    try {
      if (this.#access === 'closed') {
        // where nobody is asked who they are a page of the web must not come in by a name of its own either
        checkHost(request, this.#hosts)
        const authorization = request.headers.get('authorization')
        const credentials = { authorization, certificate, address }
        checkMetricsAccess(new Caller(await this.#parts.authenticator.authenticate(credentials)))
      }
      return await this.#answer(request)
    } catch (error) {
      const { platform, logger } = this.#parts
      return loggedProblem(error, { platform, logger, instance: '/metrics' })
    }
  }
}
