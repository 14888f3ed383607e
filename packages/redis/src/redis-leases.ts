/** What renews leases from another thread: one connection, and nothing of the store that it does not need. */
import { BareWire } from './bare-wire.ts'
import { Door } from './door.ts'
import { Link } from './link.ts'
import { renew, type RenewalScripts } from './renewing.ts'
import { besideModule } from '@millrace/core/store'
import type { Leases, LeasesModule, RenewAnswer, RenewRequest } from '@millrace/core/store'
import type { Line } from './line.ts'
import type { Script } from './lua/scripts.ts'

interface LeasesOptions {
  readonly url: string
  readonly place: string
  readonly namespace: string
  readonly timeoutMs: number
  /** As they are sent: the thread does not make them anew. */
  readonly scripts: RenewalScripts & { readonly openHome: Script }
}

/** How another thread opens them. @throws InvalidArgumentError if this module was left out of a bundle */
export function leasesModule(options: LeasesOptions): LeasesModule {
  return { module: besideModule(import.meta.url, 'redis-leases').href, export: redisLeases.name, options }
}

export function redisLeases(options: LeasesOptions): Leases {
  return new RedisLeases(options)
}

/** The server was looked at by the store that is open. */
class RedisLeases implements Leases {
  readonly #line: Line
  readonly #door: Door
  readonly #scripts: RenewalScripts

  constructor({ url, place, namespace, timeoutMs, scripts }: LeasesOptions) {
    this.#line = new Link({ url, place, timeoutMs, dial: (address) => new BareWire(address) })
    this.#door = new Door({ line: this.#line, place, namespace, openHome: scripts.openHome, newId: null })
    this.#scripts = scripts
  }

  async open(): Promise<void> {
    await this.#line.open()
    try {
      await this.#door.open()
    } catch (error) {
      this.#line.close()
      throw error
    }
  }

  renew(request: RenewRequest): Promise<RenewAnswer> {
    return renew(this.#door, this.#scripts, request)
  }

  async close(): Promise<void> {
    this.#line.close()
  }
}
