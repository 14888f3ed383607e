/** The stream of a worker of another language: bytes become messages, and `ForeignWorker` does the rest. */
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { ClosedError, InvalidArgumentError } from '@millrace/core'
import { Caller } from '../access/caller.ts'
import { whileItCounts } from '../access/standing.ts'
import { definitionOf } from '../published/index.ts'
import { definitionsFor, definitionsOf } from '../service/definition-book.ts'
import {
  RunRequestSchema,
  RunResponseSchema,
  WorkerService,
  type RunRequest,
  type RunResponse,
} from '../wire/generated/millrace/v1/worker_service_pb.ts'
import { ForeignWorker } from '../workers/foreign-worker.ts'
import { admitted } from './admission.ts'
import { credentialsOf } from './credentials.ts'
import { CallRecord } from './call-record.ts'
import { refusalOfEnded } from './refusal.ts'
import type { AnyTask } from '@millrace/core'
import type { ServerDuplexStream } from '@grpc/grpc-js'
import type { GrpcService } from './server.ts'
import type { ServerParts } from '../parts.ts'

/**
 * Messages that wait for a worker to read them. It has at most 1 000 tasks; so many more are answers and orders. What it
 * says is not read then: one that reads nothing for as long as its lease is dead, like one that says nothing.
 */
const UNREAD_MAX = 2_000

/** @param signal aborted when the server ends: workers get no more tasks then */
export function workerService(parts: ServerParts, signal: AbortSignal): GrpcService {
  return {
    definition: WorkerService,
    implementation: {
      [WorkerService.method.run.name]: (call: ServerDuplexStream<Buffer, Buffer>) =>
        new WorkerStream(call, { parts, signal }).begin(),
    },
  }
}

interface WorkerScene {
  readonly parts: ServerParts
  readonly signal: AbortSignal
}

class WorkerStream {
  readonly #call: ServerDuplexStream<Buffer, Buffer>
  readonly #parts: ServerParts
  readonly #ending: AbortSignal
  readonly #record: CallRecord
  readonly #drain = (): void => this.#worker?.drain()
  #worker: ForeignWorker | undefined
  #watch: Disposable | undefined
  #leave: (() => void) | undefined
  /** The worker has asked for so much that nothing more is heard of it for now. */
  #isBusy = false
  #isOver = false

  constructor(call: ServerDuplexStream<Buffer, Buffer>, { parts, signal }: WorkerScene) {
    this.#call = call
    this.#parts = parts
    this.#ending = signal
    this.#record = CallRecord.of(parts, WorkerService.method.run)
  }

  begin(): void {
    const call = this.#call
    call.on('cancelled', () => this.#gone())
    call.on('error', () => this.#gone())
    call.on('close', () => this.#gone())
    this.#authenticate().then(
      (caller) => {
        if (!this.#isOver) this.#serve(caller)
      },
      (error: unknown) => this.#end(error),
    )
  }

  async #authenticate(): Promise<Caller> {
    const { authenticator, platform } = this.#parts
    const credentials = credentialsOf(this.#call)
    const caller = await admitted(this.#call, this.#parts)
    this.#record.caller = caller.name
    caller.requireAnywhere('work')
    if (!this.#isOver) this.#leave = this.#parts.open?.enter(caller.name)
    const authenticate = async (): ReturnType<typeof authenticator.authenticate> => {
      const identity = await authenticator.authenticate(credentials)
      const now = new Caller(identity)
      now.requireAnywhere('work')
      this.#worker?.known(now)
      return identity
    }
    if (!this.#isOver)
      this.#watch = whileItCounts({ authenticator: { authenticate }, platform }, credentials, (error) => {
        this.#end(error)
        this.#worker?.gone()
      })
    return caller
  }

  #serve(caller: Caller): void {
    const { mill, platform } = this.#parts
    const call = this.#call
    const own = { force: false, partition: undefined, limits: new Map<string, string>() }
    this.#worker = new ForeignWorker({
      mill,
      platform,
      caller,
      send: (response) => this.#send(response),
      listening: (more) => {
        this.#isBusy = !more
        this.#flow()
      },
      ended: (error) => this.#end(error),
      definitionOf: async (wanted, by): Promise<AnyTask> => {
        const { type } = wanted
        const all = await definitionsFor([type], { mill, platform })
        return definitionOf(type, definitionsOf(wanted, all, by), own).task
      },
    })
    this.#ending.addEventListener('abort', this.#drain)
    call.on('drain', () => this.#flow())
    // who will say no more is gone, whatever it still runs
    call.on('end', () => this.#gone())
    call.on('data', (bytes: Buffer) => this.#hear(bytes))
    if (this.#ending.aborted) this.#end(new ClosedError('This server'))
  }

  #hear(bytes: Buffer): void {
    if (this.#isOver) return
    let request: RunRequest
    try {
      request = fromBinary(RunRequestSchema, bytes)
    } catch (cause) {
      const error = new InvalidArgumentError('The message is no RunRequest.', {
        hint: 'See worker_service.proto.',
        cause,
      })
      this.#end(error)
      this.#worker?.gone()
      return
    }
    this.#worker?.hear(request)
  }

  #send(response: RunResponse): void {
    if (this.#isOver) return
    this.#call.write(Buffer.from(toBinary(RunResponseSchema, response)))
    this.#flow()
  }

  /** Reads on, or does not for now. */
  #flow(): void {
    const call = this.#call
    if (this.#isBusy || call.writableLength > UNREAD_MAX) call.pause()
    else if (!call.writableNeedDrain && call.isPaused()) call.resume()
  }

  #gone(): void {
    this.#end()
    this.#worker?.gone()
  }

  /** Without an error it has ended as it should. */
  #end(error?: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#watch?.[Symbol.dispose]()
    this.#leave?.()
    this.#ending.removeEventListener('abort', this.#drain)
    if (error === undefined) {
      if (this.#call.cancelled) this.#record.abandoned()
      else this.#record.ended(null)
      this.#call.end()
      return
    }
    this.#call.emit('error', refusalOfEnded(error, this.#record, this.#parts))
  }
}
