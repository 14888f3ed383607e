/** Whether the server could read again what it reads while it runs: keys, the public keys of tokens, certificates. */
import type { Gauge } from '@prometheus-io/client'
import type { Reloads } from '../health/reloads.ts'
import type { Families } from './families.ts'

export class ReloadMetrics {
  readonly #reloads: () => Reloads
  readonly #successful: Gauge<'source'>

  constructor(families: Families, reloads: () => Reloads) {
    this.#reloads = reloads
    this.#successful = families.gauge({
      name: 'millrace_server_reload_successful',
      help: '1 if keys, the public keys of tokens or certificates could be read again; 0 while those read last count.',
      labels: ['source'],
    })
  }

  refresh(): void {
    for (const [source, problem] of this.#reloads())
      this.#successful.set({ source }, problem === null ? 1 : 0)
  }
}
