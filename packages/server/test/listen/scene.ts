/** A server that listens for a test: its answers are the test's. */
import {
  Client,
  credentials,
  Metadata,
  Server,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js'
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { Draining } from '../../src/listen/draining.ts'
import { grpcOptions, listenLimits } from '../../src/listen/limits.ts'
import { listen, type Listening, type ListenOptions } from '../../src/listen/listen.ts'
import type { Fetch } from '../../src/listen/http-port.ts'
import type { Platform } from '@millrace/core'
import { TestLog } from '../fakes.ts'

const bytes = (value: Buffer): Buffer => value
const ECHO = {
  path: '/test.Echo/Echo',
  requestStream: false,
  responseStream: false,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
} as const

type Echo = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => void

interface SceneOptions extends ListenOptions {
  readonly fetch?: Fetch
  readonly echo?: Echo
  readonly authentication?: 'none' | 'some'
  readonly platform?: Platform
}

export class Scene implements AsyncDisposable {
  readonly log: TestLog = new TestLog()
  readonly draining: Draining = new Draining()
  #listening: Listening | undefined

  static async start(options: SceneOptions = {}): Promise<Scene> {
    const { fetch = () => new Response('here'), authentication = 'some', platform, echo, ...rest } = options
    const scene = new Scene()
    const grpc = new Server(grpcOptions(listenLimits(options.limits)))
    const answer: Echo = echo ?? ((call, done) => done(null, call.request))
    grpc.addService({ echo: ECHO }, { echo: answer })
    const { log: logger, draining } = scene
    scene.#listening = await listen(
      { fetch, grpc, authentication, draining, logger, platform },
      { port: 0, grpcPort: 0, ...rest },
    )
    return scene
  }

  get listening(): Listening {
    return this.#listening!
  }

  get url(): string {
    return this.listening.url
  }

  client(ca?: string, pair?: { readonly cert: Buffer; readonly key: Buffer }): EchoClient {
    const address = this.listening.grpcUrl!.replace(/^https?:\/\//, '')
    const secure = (): ReturnType<typeof credentials.createSsl> =>
      credentials.createSsl(Buffer.from(ca!), pair?.key ?? null, pair?.cert ?? null)
    return new EchoClient(address, ca === undefined ? credentials.createInsecure() : secure())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listening.close('now')
  }
}

export class EchoClient implements Disposable {
  readonly #client: Client

  constructor(address: string, secure: ReturnType<typeof credentials.createInsecure>) {
    this.#client = new Client(address, secure, {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
    })
  }

  echo(message: string | Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + 5_000 }
      this.#client.makeUnaryRequest(
        ECHO.path,
        bytes,
        bytes,
        Buffer.from(message),
        new Metadata(),
        options,
        (error, value) => (error === null ? resolve(String(value)) : reject(error)),
      )
    })
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}

export interface Got {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
}

/** On a connection of its own, unless there is an agent. */
export async function get(
  url: string,
  options: RequestOptions & { readonly ca?: string } = {},
): Promise<Got> {
  const response = await begun(url, options)
  return { status: response.statusCode!, headers: response.headers, text: await text(response) }
}

/** Resolves when the head of the answer is there. */
export function begun(
  url: string,
  options: RequestOptions & { readonly ca?: string } = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const make = url.startsWith('https:') ? httpsRequest : httpRequest
    make(url, { agent: false, ...options }, resolve)
      .once('error', reject)
      .end()
  })
}
