/** A client that does no harm: it enqueues by REST and by gRPC at an even rate, and notes how long that takes. */
import { Agent, request } from 'node:http'
import { defineTask, Mill, unchecked } from '@millrace/core'
import { RemoteStore } from '@millrace/server/remote'
import type { Place } from './part.ts'

/** Of each wire, in a second. */
const RATE = 100

export interface Latencies {
  readonly rest: readonly number[]
  readonly grpc: readonly number[]
  readonly failures: readonly string[]
}

const greet = defineTask('greet', { input: unchecked<{ readonly name: string }>() })

export class HealthyClient implements AsyncDisposable {
  readonly #place: Place
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 })
  readonly #mill: Mill

  constructor(place: Place) {
    this.#place = place
    this.#mill = new Mill(new RemoteStore({ url: place.grpcUrl, token: place.tokens.producer }), {
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    })
  }

  /** Goes on so long, and waits for the last answers. */
  async measure(seconds: number): Promise<Latencies> {
    const rest: number[] = []
    const grpc: number[] = []
    const failures: string[] = []
    const time = async (into: number[], ask: () => Promise<unknown>): Promise<void> => {
      const began = performance.now()
      try {
        await ask()
        into.push(performance.now() - began)
      } catch (error) {
        failures.push(String(error))
      }
    }
    const asked: Promise<void>[] = []
    for (let count = 0; count < seconds * RATE; count++) {
      asked.push(time(rest, () => this.#post()))
      asked.push(time(grpc, () => this.#mill.enqueue(greet, { name: 'Ada' })))
      await new Promise((resolve) => setTimeout(resolve, 1_000 / RATE))
    }
    await Promise.all(asked)
    return { rest, grpc, failures }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy()
    await this.#mill.close()
  }

  #post(): Promise<void> {
    return new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${this.#place.tokens.producer}`,
        'content-type': 'application/json',
      }
      const asking = request(`${this.#place.url}/v1/tasks`, { method: 'POST', agent: this.#agent, headers })
      asking.once('error', reject)
      asking.once('response', (response) => {
        response.resume().once('end', () => {
          if (response.statusCode === 201) resolve()
          else reject(new Error(`HTTP ${response.statusCode}`))
        })
      })
      asking.end('{"type":"greet","input":{"name":"Ada"}}')
    })
  }
}

/** The value that a share of them does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
