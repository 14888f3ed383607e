/** The gRPC server of a stage, and a client of it that speaks bytes. */
import {
  Client,
  credentials,
  Metadata,
  ServerCredentials,
  status,
  type ClientReadableStream,
  type Server,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js'
import { Health } from '../../src/health/health.ts'
import { methodDefinition } from '../../src/grpc/definition.ts'
import { newGrpc, type GrpcServices } from '../../src/grpc/services.ts'
import { CALL_METHODS } from '../../src/grpc/call-methods.ts'
import { codecOf } from '../../src/wire/codec.ts'
import { FLATTENED } from '../../src/wire/call-conventions.ts'
import type { DescMessage, DescMethod } from '@bufbuild/protobuf'
import type { Stage } from '../stage.ts'
import type { Outcome, Transport } from '../calls/transport.ts'
import type { ServerParts } from '../../src/parts.ts'

export class GrpcScene implements AsyncDisposable {
  readonly stage: Stage
  readonly client: Client
  readonly health: Health
  readonly url: string
  readonly #server: Server
  readonly #ending: AbortController

  static async open(
    stage: Stage,
    options: Pick<GrpcServices, 'reflection'> & Partial<ServerParts> = {},
  ): Promise<GrpcScene> {
    const ending = new AbortController()
    await stage.mill.open()
    const { reflection, ...more } = options
    const { store, platform } = stage.parts
    const health = new Health({ store, platform })
    const server = newGrpc({ ...stage.parts, ...more, health }, { signal: ending.signal, reflection })
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      )
    })
    return new GrpcScene({ stage, server, port, ending, health })
  }

  private constructor(given: {
    readonly stage: Stage
    readonly server: Server
    readonly port: number
    readonly ending: AbortController
    readonly health: Health
  }) {
    this.stage = given.stage
    this.health = given.health
    this.#server = given.server
    this.#ending = given.ending
    this.url = `127.0.0.1:${given.port}`
    this.client = new Client(this.url, credentials.createInsecure())
  }

  /** All that the server answers to: what is registered with it, whoever has done that. */
  get rpcs(): readonly { readonly path: string; readonly type: string }[] {
    const { handlers } = this.#server as unknown as {
      readonly handlers: ReadonlyMap<string, { readonly type: string }>
    }
    return [...handlers].map(([path, { type }]) => ({ path, type }))
  }

  /** As when the server is about to end. */
  end(): void {
    this.#ending.abort()
  }

  /** One RPC, bytes for bytes. */
  unary(method: DescMethod, request: Buffer, metadata: Metadata): Promise<Buffer> {
    const { path, requestSerialize, responseDeserialize } = methodDefinition(method)
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        (error, answer) => (error === null ? resolve(answer!) : reject(error)),
      )
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    this.client.close()
    this.health.close()
    this.#server.forceShutdown()
    await this.stage[Symbol.asyncDispose]()
  }
}

export function bearer(name: string): Metadata {
  const metadata = new Metadata()
  if (name !== '') metadata.set('authorization', `Bearer ${name}`)
  return metadata
}

function told(error: ServiceError, name: string): string {
  return decodeURIComponent(String(error.metadata.get(name)[0] ?? ''))
}

/** Calls over gRPC, of a scene. */
export function grpcTransport(scene: GrpcScene): Transport {
  return async (_, call, { input, as }): Promise<Outcome> => {
    const method = CALL_METHODS[call]!
    // a message has no place for it, so that it is refused where it is written
    const surplus = Object.keys(input).find((name) => !membersOf(method.input).includes(name))
    if (surplus !== undefined) return { refused: 'invalid-argument', detail: `${surplus} has no field` }
    const request = codecOf<object>(method.input, 'left out').encode(spansAsTexts(input))
    try {
      const answer = await scene.unary(method, request, bearer(as))
      return { output: codecOf<unknown>(method.output).decode(answer) }
    } catch (error) {
      const { code, details } = error as ServiceError
      const refused = told(error as ServiceError, 'millrace-code')
      if (refused === '' || code === status.UNKNOWN) throw error
      return { refused, detail: details }
    }
  }
}

/** What a message holds of a call's input or output, by its names there. */
export function membersOf(desc: DescMessage): readonly string[] {
  const inner = FLATTENED[desc.typeName]?.field
  return desc.fields.flatMap((field) =>
    field.jsonName === inner ? membersOf(field.message!) : [field.jsonName],
  )
}

/** Spans are texts over gRPC; in JSON they may be numbers of milliseconds. */
const SPANS = new Set([
  'delay',
  'within',
  'timeout',
  'startBy',
  'deadline',
  'base',
  'max',
  'every',
  'per',
  'for',
])

function spansAsTexts<T>(value: T): T {
  if (Array.isArray(value)) return value.map((one: unknown) => spansAsTexts(one)) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, one]: [string, unknown]) => {
      if (name === 'input') return [name, one]
      return [name, SPANS.has(name) && typeof one === 'number' ? `${one}ms` : spansAsTexts(one)]
    }),
  ) as T
}

/** Resolves when a stream is open, and leaves it; rejects with what it is refused with. */
export function opened(
  scene: GrpcScene,
  method: DescMethod,
  { request, metadata }: { readonly request: Buffer; readonly metadata: Metadata },
): Promise<void> {
  const { path, requestSerialize, responseDeserialize } = methodDefinition(method)
  const stream = scene.client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    request,
    metadata,
  )
  return new Promise((resolve, reject) => {
    let isRefused = false
    // headers come with a refusal, too, before its status
    stream.on('error', (error) => {
      isRefused = true
      reject(error)
    })
    stream.on('metadata', () =>
      setImmediate(() => {
        if (isRefused) return
        resolve()
        stream.cancel()
      }),
    )
  })
}

/** A stream that is read message by message. */
export class Reading<T> {
  readonly call: ClientReadableStream<Buffer>
  /** Resolves when the server has said that it is open. */
  readonly open: Promise<void>
  /** How it ended; an error has its status. */
  readonly ended: Promise<StatusObject>
  readonly #heard: T[] = []
  #isOver = false
  #news = Promise.withResolvers<void>()

  constructor(call: ClientReadableStream<Buffer>, decode: (bytes: Buffer) => T) {
    this.call = call
    this.open = new Promise((resolve) => call.once('metadata', () => resolve()))
    this.ended = new Promise((resolve) => call.once('status', resolve))
    call.on('error', () => this.#tell()) // told by `ended`
    call.on('data', (bytes: Buffer) => this.#tell(decode(bytes)))
    call.on('end', () => this.#tell())
  }

  /** The next message; `undefined`: there is none any more. */
  async next(): Promise<T | undefined> {
    while (this.#heard.length === 0 && !this.#isOver) await this.#news.promise
    return this.#heard.shift()
  }

  #tell(message?: T): void {
    if (message === undefined) this.#isOver = true
    else this.#heard.push(message)
    this.#news.resolve()
    this.#news = Promise.withResolvers()
  }
}

/** Opens a stream of messages. */
export function reading<T>(
  scene: GrpcScene,
  method: DescMethod,
  { input, as = 'root' }: { readonly input: object; readonly as?: string },
): Reading<T> {
  return readingOf(scene.client, method, { input, metadata: bearer(as) })
}

/** The same, of any client. */
export function readingOf<T>(
  client: Client,
  method: DescMethod,
  { input, metadata }: { readonly input: object; readonly metadata: Metadata },
): Reading<T> {
  const { path, requestSerialize, responseDeserialize } = methodDefinition(method)
  const request = codecOf<object>(method.input, 'left out').encode(input)
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata)
  return new Reading(call, (bytes) => codecOf<T>(method.output).decode(bytes))
}
