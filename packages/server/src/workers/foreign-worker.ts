/**
 * A worker that runs elsewhere, in any language. Its lease is kept and its tasks are claimed here, by a worker of core whose
 * handlers send each task away and wait for what becomes of it: retries, time limits and fences are the same as everywhere.
 */
import {
  AccessError,
  InvalidArgumentError,
  StoreError,
  type Context,
  type Mill,
  type Platform,
  type Timer,
  type Worker,
} from '@millrace/core'
import type { RunRequest, RunResponse } from '../wire/generated/millrace/v1/worker_service_pb.ts'
import { optionsOf, type ForeignOptions } from './begin.ts'
import { ForeignRun, type Definitions } from './foreign-run.ts'
import { durationOf, responseOf, type Reply } from './replies.ts'
import type { Caller } from '../access/caller.ts'

export interface ForeignWorkerParts extends Definitions {
  readonly mill: Mill
  readonly platform: Platform
  /** Who it is at first. */
  readonly caller: Caller
  /** Sends to the worker; what cannot be sent any more is lost with it. */
  send(response: RunResponse): void
  /** Whether more is to be read of what it says: it may ask for more at a time than the store writes. */
  listening(more: boolean): void
  /** Nothing more is sent. With an error it is for that. Called once. */
  ended(error?: unknown): void
}

/** How long it may take to end what runs when an operator, or the worker itself, wants no more tasks. */
const DRAIN = '7d'
/** Checkpoints and tasks to be enqueued that are carried out at the same time: what comes beyond that waits in the worker. */
const ASKED_MAX = 64

export class ForeignWorker {
  readonly #parts: ForeignWorkerParts
  readonly #runs = new Map<bigint, ForeignRun>()
  #caller: Caller
  #served: readonly string[] = []
  #lastRun = 0n
  #asked = 0
  #worker: Worker | undefined
  #leaseMs = 0
  #silence: Timer | undefined
  #isOver = false

  constructor(parts: ForeignWorkerParts) {
    this.#parts = parts
    this.#caller = parts.caller
  }

  /** Its credential was looked at again. @throws AccessError if it may not work any more in a queue that it serves */
  known(caller: Caller): void {
    for (const queue of this.#served) caller.require('work', queue)
    this.#caller = caller
  }

  /** Takes a message of the worker's. What is wrong with one ends it: it is not known any more what the worker means. */
  hear({ message }: RunRequest): void {
    if (this.#isOver) return
    try {
      this.#listen()
      if (message.case === 'begin') this.#begin(optionsOf(message.value, this.#caller))
      else this.#heed(message)
    } catch (error) {
      this.#give(error)
    }
  }

  /** The worker is gone. */
  gone(): void {
    if (!this.#isOver) this.#give()
  }

  /** The server is about to end: the worker gets no more tasks, and has some time for those that it has. */
  drain(): void {
    void this.#worker?.stop()
  }

  #heed(message: RunRequest['message']): void {
    if (this.#worker === undefined) throw outOfTurn('The first message is to be begin.')
    switch (message.case) {
      case 'beat':
        return
      case 'drain':
        return void this.#worker.stop({ drain: DRAIN })
      case undefined:
        throw outOfTurn('The message says nothing that this server knows.')
      case 'begin':
        throw outOfTurn('begin is said once.')
      default:
        // one that has ended meanwhile is nobody's any more
        this.#runs.get(message.value.run)?.hear(message)
    }
  }

  #begin(options: ForeignOptions): void {
    if (this.#worker !== undefined) throw outOfTurn('begin is said once.')
    const { definitions, served, leaseMs, ...rest } = options
    this.#leaseMs = leaseMs
    this.#served = served
    const handlers = definitions.map((task) =>
      task.handler((input: unknown, ctx: Context) => this.#run(input, ctx)),
    )
    const worker = this.#parts.mill.worker({ ...rest, lease: leaseMs, handlers })
    this.#worker = worker
    this.#listen()
    void worker['~elsewhere'].stopped.then(() => this.#stopped())
    const started = this.#requireOwn(definitions).then(() => worker.start())
    started.then(
      () => this.#send({ case: 'begun', value: { beatEvery: durationOf(leaseMs / 3) } }),
      (error: unknown) => this.#give(error),
    )
  }

  /** What others have published for queues of theirs is theirs. */
  async #requireOwn(definitions: ForeignOptions['definitions']): Promise<void> {
    const caller = this.#caller
    const known = new Map((await this.#parts.mill.definitions()).map(({ type, queue }) => [type, queue]))
    for (const { name } of definitions) {
      const queue = known.get(name)
      if (queue === undefined || caller.may('work', queue)) continue
      throw new AccessError('forbidden', `The task ${name} is published for a queue of others.`, {
        hint: 'Give yours another name, or let the credential work in its queue.',
      })
    }
  }

  #run(input: unknown, ctx: Context): Promise<unknown> {
    const number = (this.#lastRun += 1n)
    const run = new ForeignRun(ctx, {
      number,
      send: (reply) => this.#send(reply),
      failed: (error) => this.#give(error),
      definitionOf: (wanted, by) => this.#parts.definitionOf(wanted, by),
      caller: () => this.#caller,
      asking: (asked) => void this.#asking(asked),
    })
    this.#runs.set(number, run)
    return run.over(input).finally(() => this.#runs.delete(number))
  }

  /** What is asked of the server counts until it is answered. */
  async #asking(asked: Promise<void>): Promise<void> {
    this.#asked += 1
    if (this.#asked === ASKED_MAX) this.#parts.listening(false)
    await asked
    this.#asked -= 1
    if (this.#asked === ASKED_MAX - 1) this.#parts.listening(true)
  }

  /** Somebody is there. */
  #listen(): void {
    this.#silence?.cancel()
    if (this.#leaseMs === 0) return
    this.#silence = this.#parts.platform.setTimer(
      this.#leaseMs,
      () => this.#give(silent(this.#leaseMs)),
      'idle',
    )
  }

  #stopped(): void {
    if (this.#isOver) return
    this.#send({ case: 'drained', value: {} })
    this.#end()
  }

  /** What it runs is taken over by others. */
  #give(error?: unknown): void {
    if (this.#isOver) return
    this.#end(error)
    void this.#worker?.['~elsewhere'].abandon()
    for (const run of this.#runs.values()) run.lost()
  }

  #end(error?: unknown): void {
    this.#isOver = true
    this.#silence?.cancel()
    this.#parts.ended(error)
  }

  #send(reply: Reply): void {
    if (!this.#isOver) this.#parts.send(responseOf(reply))
  }
}

function outOfTurn(message: string): InvalidArgumentError {
  return new InvalidArgumentError(message, { hint: 'See worker_service.proto for what a worker says when.' })
}

function silent(leaseMs: number): StoreError {
  return new StoreError('store-unavailable', `Nothing was heard of the worker for ${leaseMs} ms.`, {
    effect: 'final',
    hint: 'Send beat as often as begun says, also while tasks run.',
  })
}
