/** Bodies of requests, read whole: no further than they may be long, and no faster than whoever sends them may. */
import { SMALL_BYTES, type Intake, type Pass } from '../access/intake.ts'
import { InvalidRequestError } from '../service/errors.ts'
import { RestError } from './refusals.ts'
import type { Traffic } from '../access/traffic.ts'
import type { Hold, HeldBytes } from '../listen/held-bytes.ts'

/** How a body is read. */
export interface BodyPlan {
  readonly bytesMax: number
  readonly held: HeldBytes
  readonly traffic: Traffic
  readonly intake: Intake
  /** Of the credential whose it is. */
  readonly name: string
}

/** @throws RestError, InvalidRequestError */
export async function wholeBody({ body, headers }: Request, plan: BodyPlan): Promise<Uint8Array> {
  const declared = Number(headers.get('content-length') ?? 0)
  if (declared > plan.bytesMax) throw tooLarge(plan.bytesMax)
  if (body === null) return new Uint8Array()
  return new Reading((body as ReadableStream<Uint8Array>).getReader(), plan).whole(declared)
}

class Reading {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #plan: BodyPlan
  readonly #hold: Hold
  #pass: Pass | undefined
  readonly #chunks: Uint8Array[] = []
  #length = 0
  #state: 'comes' | 'whole' | 'cut off' = 'comes'

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>, plan: BodyPlan) {
    this.#reader = reader
    this.#plan = plan
    this.#hold = plan.held.hold(plan.name, () => this.#cutOff())
  }

  /** @param declared how long it is said to be; 0: nobody said */
  async whole(declared: number): Promise<Uint8Array> {
    const { bytesMax } = this.#plan
    try {
      if (declared <= SMALL_BYTES) await this.#read(Math.min(SMALL_BYTES, bytesMax))
      if (this.#state === 'comes' && this.#length <= bytesMax) {
        await this.#turn(declared === 0 ? bytesMax : declared)
        await this.#read(bytesMax)
      }
    } catch (cause) {
      // the connection is gone, or what came on it is no HTTP
      throw new InvalidRequestError(`The body does not come whole (${String(cause)}).`, [])
    } finally {
      this.#hold.clear()
      this.#pass?.leave(this.#state === 'whole' ? 0 : this.#length)
    }
    if (this.#state === 'cut off') throw tooSlow()
    if (this.#state === 'whole') return Buffer.concat(this.#chunks, this.#length)
    this.#drop()
    throw tooLarge(bytesMax)
  }

  /** Whoever is gone meanwhile does not wait for it. */
  async #turn(expected: number): Promise<void> {
    const { intake, name } = this.#plan
    const begun = Promise.withResolvers<void>()
    this.#pass = intake.enter(name, expected, { begin: begun.resolve, cutOff: () => this.#cutOff() })
    await Promise.race([begun.promise, this.#reader.closed])
  }

  /** Until it is there, or longer than that. */
  async #read(bytesMax: number): Promise<void> {
    const { traffic, name } = this.#plan
    while (this.#length <= bytesMax) {
      const { done, value } = await this.#reader.read()
      if (this.#state === 'cut off') return
      if (done) {
        this.#state = 'whole'
        return
      }
      this.#length += value.length
      this.#hold.add(value.length)
      this.#chunks.push(value)
      const waitMs = traffic.took(name, value.length)
      if (waitMs > 0 && this.#length > SMALL_BYTES) await traffic.rest(waitMs)
    }
  }

  #cutOff(): void {
    this.#state = 'cut off'
    // whoever waits for more is told that there is none
    this.#drop()
  }

  /** What is still to come is not read. */
  #drop(): void {
    void this.#reader.cancel().catch(() => undefined) // a connection that is gone has nothing to come
  }
}

function tooSlow(): RestError {
  return new RestError('rate-limited', 'Too much of the bodies of requests has come, and too little whole.', {
    hint: 'Send it again, faster.',
    headers: { connection: 'close' },
    retryAfterMs: 1_000,
  })
}

function tooLarge(bytesMax: number): RestError {
  return new RestError('body-too-large', `The body is longer than ${bytesMax} bytes.`, {
    hint: 'Send less at a time.',
    headers: { connection: 'close' },
  })
}
