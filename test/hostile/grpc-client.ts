/** Calls of gRPC as bytes: whatever one likes to put on a stream of HTTP/2. */
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'

/** What a call is. */
export interface RawCall {
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  /** What is written, frames and all. */
  readonly body: readonly Buffer[]
  /** `leave`: the client resets the stream right away. */
  readonly then: 'half-close' | 'leave'
}

/** What came back. */
export interface RawAnswer {
  readonly http: number | null
  readonly status: number | null
  readonly message: string
  /** How the server reset the stream. */
  readonly reset: number | null
  readonly data: Buffer
}

/** Nobody here waits longer than that. */
const PATIENCE_MS = 10_000

export class GrpcClient implements Disposable {
  readonly #url: string
  #session: ClientHttp2Session | undefined

  constructor(url: string) {
    this.#url = url
  }

  /** @throws if no answer comes */
  call({ headers, body, then }: RawCall): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      let stream: ClientHttp2Stream
      try {
        stream = this.#open().request(headers as Record<string, string | string[]>)
      } catch (error) {
        // what this side's HTTP/2 does not send
        return resolve({
          http: 400,
          status: null,
          message: String(error),
          reset: null,
          data: Buffer.alloc(0),
        })
      }
      const timer = setTimeout(() => reject(new Error('There was no answer.')), PATIENCE_MS)
      const heard = new Heard(stream)
      stream.once('close', () => {
        clearTimeout(timer)
        resolve(heard.answer)
      })
      for (const part of body) stream.write(part)
      if (then === 'half-close') stream.end()
      else stream.close(constants.NGHTTP2_CANCEL)
    })
  }

  [Symbol.dispose](): void {
    this.#session?.destroy()
  }

  #open(): ClientHttp2Session {
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      this.#session = connect(this.#url)
      this.#session.on('error', () => undefined) // each stream tells of it, too
    }
    return this.#session
  }
}

class Heard {
  readonly #stream: ClientHttp2Stream
  readonly #data: Buffer[] = []
  #http: number | null = null
  #status: string | undefined
  #message = ''

  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream
    stream.on('response', (headers) => {
      this.#http = headers[':status'] ?? null
      this.#hear(headers)
    })
    stream.on('trailers', (trailers: Readonly<Record<string, unknown>>) => this.#hear(trailers))
    stream.on('data', (data: Buffer) => this.#data.push(data))
    stream.on('error', (error: Error) => void (this.#message ||= error.message))
  }

  get answer(): RawAnswer {
    const { rstCode } = this.#stream
    return {
      http: this.#http,
      status: this.#status === undefined ? null : Number(this.#status),
      message: this.#message,
      reset: rstCode === undefined || rstCode === 0 ? null : rstCode,
      data: Buffer.concat(this.#data),
    }
  }

  #hear(headers: Readonly<Record<string, unknown>>): void {
    const { 'grpc-status': status, 'grpc-message': message } = headers
    if (typeof status === 'string') this.#status = status
    if (typeof message === 'string') this.#message = message
  }
}

/** A message on its stream: whether it is compressed, how long it is, and itself. */
export function framed(
  message: Buffer,
  { flag = 0, length = message.length }: { readonly flag?: number; readonly length?: number } = {},
): Buffer {
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, message])
}
