/** A stretch of network before a server: late, torn, deaf, or cut, as a seed draws it. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { SeededRandom } from '@millrace/core/simulation'

export interface NetworkFaults {
  /** How long what is sent is on its way, each way, in milliseconds. */
  readonly latencyMs: readonly [min: number, max: number]
  /** Share of pieces, of either side, that are followed by a reset instead of their arrival. */
  readonly resets: number
  /** Share of pieces of the server's that are dropped with their connection: the server has done what it was asked to. */
  readonly droppedReplies: number
  /** Share of pieces of the client's after which nothing arrives any more, either way, while both ends stay open. */
  readonly deaf: number
  /** Share of pieces of the client's after which the client's side is closed, and the server's goes on. */
  readonly halfClosed: number
  /** Longest piece that arrives at once, in bytes. */
  readonly sliceBytes: number
}

export const CALM: NetworkFaults = {
  latencyMs: [0, 0],
  resets: 0,
  droppedReplies: 0,
  deaf: 0,
  halfClosed: 0,
  sliceBytes: 65_536,
}

/** So many pieces of a connection arrive whatever the plan is: else nobody would ever be connected. */
const GREETING_PIECES = 6
/** So much may be on its way in one direction; the sender waits. */
const UNDER_WAY_MAX_BYTES = 1_048_576

export class Proxy implements AsyncDisposable {
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  /** Asked for each piece that comes by. */
  faults: NetworkFaults = CALM
  /** What was done to pieces so far. */
  readonly done = { resets: 0, droppedReplies: 0, deaf: 0, halfClosed: 0 }

  private constructor(to: number, random: SeededRandom) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const pair = new Pair(client, to, { random, proxy: this, over: () => this.#pairs.delete(pair) })
      this.#pairs.add(pair)
    })
  }

  /** @param to a port of this machine */
  static async start(to: number, random: SeededRandom): Promise<Proxy> {
    const proxy = new Proxy(to, random)
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Resets every connection that there is. */
  cutAll(): void {
    for (const pair of this.#pairs) pair.reset()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cutAll()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

interface PairParts {
  readonly random: SeededRandom
  readonly proxy: Proxy
  readonly over: () => void
}

/** A client's connection and the one to the server that belongs to it. */
class Pair {
  readonly #client: Socket
  readonly #server: Socket
  readonly #parts: PairParts
  #pieces = 0
  #deaf = false

  constructor(client: Socket, to: number, parts: PairParts) {
    this.#client = client
    this.#server = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    this.#parts = parts
    this.#carry(client, this.#server)
    this.#carry(this.#server, client)
  }

  reset(): void {
    this.#client.resetAndDestroy()
    this.#server.resetAndDestroy()
  }

  #carry(from: Socket, to: Socket): void {
    let [arrivesAt, underWay] = [0, 0]
    const onTheWay: (() => void)[] = []
    const later = (act: () => void): void => {
      const [min, max] = this.#parts.proxy.faults.latencyMs
      if (max === 0 && onTheWay.length === 0) return act()
      arrivesAt = Math.max(arrivesAt, performance.now() + this.#parts.random.between(min, max))
      // timers may overtake each other by a millisecond: whichever fires, what was sent first arrives first
      onTheWay.push(act)
      setTimeout(() => onTheWay.shift()!(), Math.max(1, arrivesAt - performance.now()))
    }
    from.on('error', () => this.reset())
    from.on('close', () => {
      this.#parts.over()
      if (!this.#deaf) later(() => to.destroy())
    })
    from.on('end', () => later(() => void (to.destroyed || to.end())))
    from.on('data', (data: Buffer) => {
      if (!this.#arrives(from)) return
      underWay += data.length
      if (underWay > UNDER_WAY_MAX_BYTES) from.pause()
      later(() => {
        underWay -= data.length
        if (from.isPaused() && underWay <= UNDER_WAY_MAX_BYTES) from.resume()
        if (!this.#deaf) this.#write(to, data)
      })
    })
  }

  /** Whether a piece comes through; draws what befalls its connection. */
  #arrives(from: Socket): boolean {
    if (this.#deaf) return false
    if ((this.#pieces += 1) <= GREETING_PIECES) return true
    const { random, proxy } = this.#parts
    const { resets, droppedReplies, deaf, halfClosed } = proxy.faults
    const [chance, fromClient] = [random.fraction(), from === this.#client]
    const drops = fromClient ? 0 : droppedReplies
    if (chance < drops + resets) {
      proxy.done[chance < drops ? 'droppedReplies' : 'resets'] += 1
      this.reset()
      return false
    }
    if (!fromClient) return true
    const rest = chance - resets
    if (rest < deaf) {
      proxy.done.deaf += 1
      this.#deaf = true
      return false
    }
    if (rest < deaf + halfClosed) {
      proxy.done.halfClosed += 1
      this.#client.end()
    }
    return true
  }

  #write(to: Socket, data: Buffer): void {
    const { sliceBytes } = this.#parts.proxy.faults
    for (let from = 0; from < data.length && to.writable; from += sliceBytes) {
      to.write(data.subarray(from, from + sliceBytes))
    }
  }
}
