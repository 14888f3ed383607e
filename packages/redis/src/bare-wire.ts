/**
 * A connection that can do no more than calls take: the thread that renews leases has it. The driver would bring all
 * commands of Redis with it, which took 0.2 s of its time and 10 MB, for three scripts.
 */
import { connect as connectPlain, type Socket } from 'node:net'
import { withCertificates } from './certificates.ts'
import { ErrorReply, Replies } from './replies.ts'
import type { Address, Wire } from './link.ts'

/** As the driver has them. */
const PORT = 6379
const SOCKET = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 } as const

type Arg = string | Buffer

interface Call {
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: Error) => void
}

export class BareWire implements Wire {
  readonly #url: URL
  readonly #replies = new Replies()
  /** Those that wait for a reply, in the order of their commands. */
  readonly #calls: Call[] = []
  #socket: Socket | undefined
  #state: 'new' | 'opening' | 'ready' | 'ended' = 'new'
  #lost: (error: unknown) => void = () => undefined

  constructor({ url }: Pick<Address, 'url'>) {
    this.#url = new URL(url)
  }

  get isOpen(): boolean {
    return this.#state === 'opening' || this.#state === 'ready'
  }

  get isReady(): boolean {
    return this.#state === 'ready'
  }

  on(_: 'error', listener: (error: unknown) => void): this {
    this.#lost = listener
    return this
  }

  ref(): void {
    this.#socket?.ref()
  }

  unref(): void {
    this.#socket?.unref()
  }

  /** Resolves when the server has let us in. */
  async connect(): Promise<void> {
    this.#state = 'opening'
    const socket = await dialled(this.#url)
    if (!this.isOpen) {
      socket.destroy()
      throw new Error('the connection was closed')
    }
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => this.#end(error))
    socket.on('close', () => this.#end(new Error('the server closed the connection')))
    // a socket keeps what is written until it is connected; one that fails fails what was written
    await Promise.all(handshake(this.#url).map((args) => this.sendCommand(args)))
    this.#state = 'ready'
  }

  destroy(): void {
    this.#lost = () => undefined
    this.#end(new Error('the connection was closed'))
  }

  sendCommand(args: readonly Arg[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) return reject(new Error('the connection is closed'))
      this.#calls.push({ resolve, reject })
      this.#socket!.write(encoded(args))
    })
  }

  #take(chunk: Buffer): void {
    try {
      for (const reply of this.#replies.take(chunk)) {
        const call = this.#calls.shift()
        if (reply instanceof ErrorReply) call?.reject(reply)
        else call?.resolve(reply)
      }
    } catch (error) {
      this.#end(error as Error)
    }
  }

  #end(error: Error): void {
    if (this.#state === 'ended') return
    const wasReady = this.#state === 'ready'
    this.#state = 'ended'
    this.#socket?.destroy()
    for (const call of this.#calls.splice(0)) call.reject(error)
    if (wasReady) this.#lost(error)
  }
}

/** TLS is loaded by those who use it only. */
async function dialled(url: URL): Promise<Socket> {
  const { protocol, hostname, port } = url
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const to = { ...SOCKET, host, port: port === '' ? PORT : Number(port) }
  if (protocol !== 'rediss:') return connectPlain(to)
  const { connect } = await import('node:tls')
  const { certificates } = await withCertificates(url.href)
  return connect({ ...to, ...certificates })
}

/** Who we are, and which database it is about: what the driver says, and so no right that it would not need. */
function handshake({ username, password, pathname }: URL): readonly (readonly string[])[] {
  const user = username === '' ? 'default' : decodeURIComponent(username)
  const auth = password === '' ? [] : ['AUTH', user, decodeURIComponent(password)]
  const database = Number(pathname.slice(1))
  return [['HELLO', '2', ...auth], ...(database === 0 ? [] : [['SELECT', String(database)]])]
}

function encoded(args: readonly Arg[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)]
  for (const arg of args) {
    const bytes = typeof arg === 'string' ? Buffer.from(arg) : arg
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'))
  }
  return Buffer.concat(parts)
}
