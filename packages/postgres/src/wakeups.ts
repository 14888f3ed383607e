/**
 * Tells other processes that something was written, and hears it from them: NOTIFY, sent behind the commit it
 * belongs to and never inside, because committing notifications are put in one line by Postgres.
 */
import { createHash, randomUUID } from 'node:crypto'
import { EVERYTHING, hintLetters, hintOf, isNews, mergedHint, type Hint } from '@millrace/core/store'
import { borrow } from './lending.ts'
import type { Database } from './database.ts'
import type { PoolClient, PostgresPool } from './driver.ts'

/** How long after a notification the next one is sent at the earliest: those that come meanwhile are merged. */
const REST_MS = 2
/** How long after a connection was lost the next one is tried, at first and at last. */
const RETRY_MS = 50
const RETRY_MAX_MS = 5_000
/** How long the echo of our own word may take; without it nothing is heard here, and readers look by themselves. */
const ECHO_MS = 2_000
const POLL_MS = 250

interface Doors {
  readonly database: Database
  /** Lends the connection on which others are heard; `null`: none can be spared, and readers look by themselves. */
  readonly pool: PostgresPool | null
  readonly publish: (hint: Hint) => void
}

export class Wakeups {
  readonly #doors: Doors
  readonly #channel: string
  readonly #me: string = randomUUID().slice(0, 8)
  #unsent: Hint | null = null
  #sending: Promise<void> | undefined
  #listening = false
  #closed = false
  #client: PoolClient | undefined
  #retryMs = RETRY_MS
  #timer: NodeJS.Timeout | undefined
  #echo: NodeJS.Timeout | undefined
  #poll: NodeJS.Timeout | undefined

  constructor(doors: Doors) {
    this.#doors = doors
    // a schema's name may be as long as a channel's already
    this.#channel = `millrace_${createHash('sha256').update(doors.database.schema).digest('hex').slice(0, 32)}`
  }

  /** Something was written here: those who listen in this process hear it at once, the others soon. */
  tell(hint: Hint): void {
    if (!isNews(hint)) return
    this.#doors.publish(hint)
    this.#unsent = mergedHint(this.#unsent, hint)
    this.#sending ??= this.#send()
  }

  async #send(): Promise<void> {
    while (this.#unsent !== null) {
      const hint = this.#unsent
      this.#unsent = null
      await this.#notify(`${this.#me} ${hintLetters(hint)}`)
      if (!this.#closed) await new Promise<void>((resolve) => setTimeout(resolve, REST_MS))
    }
    this.#sending = undefined
  }

  /**
   * Hints are never needed, so one that cannot be sent is dropped. Where nothing else is written Postgres does not
   * wait for the disk.
   */
  async #notify(payload: string): Promise<void> {
    const text = `NOTIFY ${this.#channel}, '${payload}'`
    const { database } = this.#doors
    await database.connected((client) => database.script(client, text)).catch(() => undefined)
  }

  /** Somebody listens, or nobody does any more. */
  listen(on: boolean): void {
    this.#listening = on && !this.#closed
    if (this.#listening) this.#connect()
    else this.#hangUp()
  }

  /** What was told is sent, if the server takes it. */
  async close(): Promise<void> {
    this.#closed = true
    this.listen(false)
    await this.#sending
  }

  #connect(): void {
    clearTimeout(this.#timer)
    if (!this.#listening || this.#client !== undefined) return
    const { pool, publish } = this.#doors
    if (pool === null) {
      publish(EVERYTHING)
      this.#unheard()
      return
    }
    this.#open(pool).then(
      () => (this.#retryMs = RETRY_MS),
      () => this.#later(),
    )
  }

  async #open(pool: PostgresPool): Promise<void> {
    const client = await borrow(pool)
    if (!this.#listening || this.#client !== undefined) return client.release()
    this.#client = client
    const lost = (): void => this.#lost(client)
    client.on('error', lost)
    client.on('end', lost)
    client.on('notification', ({ payload = '' }) => this.#hear(payload))
    client.unref?.()
    try {
      await this.#doors.database.script(client, `LISTEN ${this.#channel}`)
    } catch (error) {
      this.#client = undefined
      client.release(true)
      throw error
    }
    // what happened while nobody listened
    this.#doors.publish(EVERYTHING)
    this.#echo = setTimeout(() => this.#unheard(), ECHO_MS).unref()
    await this.#notify(`${this.#me} ?`)
  }

  #hear(payload: string): void {
    const [sender, mask = ''] = payload.split(' ')
    if (sender !== this.#me) {
      this.#doors.publish(hintOf(mask))
      return
    }
    clearTimeout(this.#echo)
    clearInterval(this.#poll)
  }

  /** A pooler may take LISTEN and give nothing: then readers are sent to look now and then. */
  #unheard(): void {
    clearInterval(this.#poll)
    this.#poll = setInterval(() => this.#doors.publish(EVERYTHING), POLL_MS).unref()
  }

  #lost(client: PoolClient): void {
    if (this.#client !== client) return
    this.#client = undefined
    clearTimeout(this.#echo)
    client.release(true)
    this.#later()
  }

  #later(): void {
    if (!this.#listening) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#connect(), this.#retryMs * (0.5 + Math.random())).unref()
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MAX_MS)
  }

  #hangUp(): void {
    const client = this.#client
    this.#client = undefined
    clearTimeout(this.#timer)
    clearTimeout(this.#echo)
    clearInterval(this.#poll)
    client?.release(true)
  }
}
