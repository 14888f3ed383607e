/** Streams of server-sent events: no more is read for a caller than they take. */
import type { Platform, Timer } from '@millrace/core'
import { problemOf } from '../service/problems.ts'
import type { StreamItem } from '../service/call.ts'

export interface EventStream {
  readonly items: AsyncIterator<StreamItem<unknown>>
  /** Ends the items. */
  readonly controller: AbortController
  readonly platform: Platform
  /** Whether whoever listens still may. @throws when they may not */
  check(): Promise<void>
  /** Told why it went wrong, which the listener is not in every case. */
  failed(error: unknown): void
  /** Called once. */
  ended(): void
}

/** A listener that hears nothing for so long is told that the line is there. */
const HEARTBEAT_MS = 15_000
/** Who may not listen any more is cut off within twice that. */
const CHECK_MS = 2_000
/** So long a browser waits until it comes back. */
const RETRY_MS = 2_000

const encoder = new TextEncoder()

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-content-type-options': 'nosniff',
  // some proxies keep answers back until they are large
  'x-accel-buffering': 'no',
} as const

export function eventStreamHeaders(): Readonly<Record<string, string>> {
  return HEADERS
}

export function eventStream(stream: EventStream): Response {
  return new Response(new Line(stream).body, { headers: HEADERS })
}

class Line {
  readonly body: ReadableStream<Uint8Array>
  readonly #stream: EventStream
  #controller!: ReadableStreamDefaultController<Uint8Array>
  #timers: Timer[] = []
  #isOver = false
  #silent = true
  /** Asked for before the listener reads: what happens from now on is meant. */
  #upcoming: Promise<IteratorResult<StreamItem<unknown>>> | undefined

  constructor(stream: EventStream) {
    this.#stream = stream
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => this.#begin(controller),
        pull: () => this.#next(),
        cancel: () => this.#end(),
      },
      { highWaterMark: 1 },
    )
  }

  #begin(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller
    this.#write(`retry: ${RETRY_MS}\n\n`)
    this.#upcoming = this.#stream.items.next()
    this.#upcoming.catch(() => undefined) // it is told to who reads it
    const { signal } = this.#stream.controller
    // An iterator that waits for the store may take its time: the listener is told at once.
    const stop = (): void => this.#say('end', { reason: 'closing' })
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    this.#every(HEARTBEAT_MS, () => this.#beat())
    this.#every(CHECK_MS, () => void this.#check())
  }

  async #next(): Promise<void> {
    try {
      const upcoming = this.#upcoming ?? this.#stream.items.next()
      this.#upcoming = undefined
      const next = await upcoming
      if (this.#isOver) return
      if (next.done === true) return this.#say('end', { reason: 'ended' })
      const { id, data } = next.value
      this.#silent = false
      const type = (data as { readonly type: string }).type
      this.#write(`${id === null ? '' : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
    } catch (error) {
      this.#fail(error)
    }
  }

  async #check(): Promise<void> {
    try {
      await this.#stream.check()
    } catch (error) {
      this.#fail(error)
    }
  }

  #beat(): void {
    const { desiredSize } = this.#controller
    // one that reads nothing needs no sign that there is nothing to be read
    if (this.#silent && desiredSize !== null && desiredSize > 0) this.#write(': still here\n\n')
    this.#silent = true
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    this.#stream.failed(error)
    this.#say('error', problemOf(error))
  }

  /** The last word. */
  #say(event: 'end' | 'error', data: object): void {
    if (this.#isOver) return
    this.#write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
    this.#controller.close()
    this.#end()
  }

  #write(text: string): void {
    this.#controller.enqueue(encoder.encode(text))
  }

  #every(delayMs: number, run: () => void): void {
    const slot = this.#timers.length
    const arm = (): void => {
      this.#timers[slot] = this.#stream.platform.setTimer(delayMs, again, 'idle')
    }
    const again = (): void => {
      if (this.#isOver) return
      run()
      if (!this.#isOver) arm()
    }
    arm()
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const timer of this.#timers) timer.cancel()
    const { controller, items } = this.#stream
    controller.abort()
    // who does not want to hear any more needs no error either
    void items.return?.()?.then(undefined, () => undefined)
    this.#stream.ended()
  }
}
