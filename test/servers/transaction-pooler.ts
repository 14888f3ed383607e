/**
 * Before a Postgres, what poolers do in their transaction mode: a client has a backend for as long as a transaction takes,
 * and for the next one another, so that nothing of a session's is there any more. Settings that a client asks for when
 * it connects are ignored, as poolers can be told to.
 */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { Messages, type Message } from './postgres-messages.ts'

const SSL_REQUEST = 80_877_103
const CANCEL_REQUEST = 80_877_102
/** After these a backend says when it is ready: Query and Sync. */
const ANSWERED_BY_READY: ReadonlySet<string> = new Set(['Q', 'S'])

export interface TransactionPooler extends AsyncDisposable {
  readonly url: string
  /** How many transactions went through it. */
  readonly transactions: number
}

/** @param to the URL of a Postgres that trusts those who connect */
export async function startTransactionPooler(to: string, backends = 10): Promise<TransactionPooler> {
  const pooler = await Pooler.start(new URL(to), backends)
  const url = new URL(to)
  url.port = String(pooler.port)
  return Object.assign(pooler, { url: url.href })
}

class Pooler implements AsyncDisposable {
  readonly #idle: Backend[] = []
  readonly #all = new Set<Backend>()
  readonly #waiting: ((backend: Backend) => void)[] = []
  readonly #clients = new Set<Socket>()
  readonly #server: Server
  transactions = 0

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#clients.add(socket)
      socket.on('close', () => this.#clients.delete(socket))
      new Client(socket, this)
    })
  }

  static async start(to: URL, backends: number): Promise<Pooler> {
    const pooler = new Pooler()
    for (let n = 0; n < backends; n++) {
      const backend = await Backend.start(to)
      pooler.#all.add(backend)
      pooler.#idle.push(backend)
    }
    await once(pooler.#server.listen(0, '127.0.0.1'), 'listening')
    return pooler
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** What a client is told that connects. */
  get greeting(): Buffer {
    const [backend] = this.#all
    return backend!.greeting
  }

  /** The one that was idle for the longest: hardly ever the same as before. */
  take(): Promise<Backend> {
    const backend = this.#idle.shift()
    return backend === undefined
      ? new Promise((resolve) => this.#waiting.push(resolve))
      : Promise.resolve(backend)
  }

  give(backend: Backend): void {
    this.transactions += 1
    const next = this.#waiting.shift()
    if (next === undefined) this.#idle.push(backend)
    else next(backend)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#clients) socket.destroy()
    for (const backend of this.#all) backend.end()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** A connection to the server, of one client at a time. */
class Backend {
  readonly #socket: Socket
  readonly #messages = new Messages('typed')
  readonly #greeted = Promise.withResolvers<void>()
  greeting: Buffer = Buffer.alloc(0)
  /** Who has it. Without anybody what it says is lost: notifications are. */
  hear: ((message: Message) => void) | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (data) => {
      for (const message of this.#messages.read(data)) {
        if (this.hear !== undefined) this.hear(message)
        else if (message.type === 'Z') this.#greeted.resolve()
        this.#greet(message)
      }
    })
    socket.on('error', this.#greeted.reject)
  }

  static async start(to: URL): Promise<Backend> {
    const backend = new Backend(connect({ port: Number(to.port), host: to.hostname, noDelay: true }))
    const fields = `user\0${to.username}\0database\0${to.pathname.slice(1)}\0\0`
    const start = Buffer.alloc(8)
    start.writeInt32BE(8 + Buffer.byteLength(fields))
    start.writeInt32BE(196_608, 4)
    backend.write(Buffer.concat([start, Buffer.from(fields)]))
    await backend.#greeted.promise
    return backend
  }

  write(data: Buffer): void {
    this.#socket.write(data)
  }

  end(): void {
    this.#socket.destroy()
  }

  #greet({ bytes }: Message): void {
    if (this.hear === undefined && this.greeting.at(-6) !== 'Z'.charCodeAt(0))
      this.greeting = Buffer.concat([this.greeting, bytes])
  }
}

class Client {
  readonly #socket: Socket
  readonly #pooler: Pooler
  readonly #messages = new Messages('startup')
  readonly #queue: Message[] = []
  #backend: Backend | undefined
  #taking = false
  /** Answers that are due yet, and whether there is more that no Sync has followed so far. */
  #due = 0
  #open = false

  constructor(socket: Socket, pooler: Pooler) {
    this.#socket = socket
    this.#pooler = pooler
    socket.on('data', (data) => {
      for (const message of this.#messages.read(data)) this.#take(message)
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#leave())
  }

  #take(message: Message): void {
    if (message.type === '') return this.#connect(message)
    if (message.type === 'X') return void this.#socket.end()
    this.#queue.push(message)
    void this.#flush()
  }

  #connect({ bytes }: Message): void {
    const code = bytes.readInt32BE(4)
    if (code === SSL_REQUEST) return void this.#socket.write('N')
    if (code === CANCEL_REQUEST) return void this.#socket.destroy()
    this.#messages.kind = 'typed'
    this.#socket.write(this.#pooler.greeting)
  }

  async #flush(): Promise<void> {
    if (this.#taking) return
    if (this.#backend === undefined) {
      this.#taking = true
      const backend = await this.#pooler.take()
      this.#taking = false
      if (this.#socket.destroyed) return this.#pooler.give(backend)
      backend.hear = (message) => this.#hear(message)
      this.#backend = backend
    }
    for (const { type, bytes } of this.#queue.splice(0)) {
      if (ANSWERED_BY_READY.has(type)) this.#due += 1
      this.#open = !ANSWERED_BY_READY.has(type)
      this.#backend.write(bytes)
    }
  }

  #hear({ type, bytes }: Message): void {
    this.#socket.write(bytes)
    if (type !== 'Z') return
    this.#due -= 1
    if (this.#due > 0 || this.#open || bytes.at(-1) !== 'I'.charCodeAt(0)) return
    this.#release()
  }

  #release(): void {
    const backend = this.#backend!
    backend.hear = undefined
    this.#backend = undefined
    this.#pooler.give(backend)
  }

  /** Whoever goes in the middle of a transaction has it rolled back. */
  #leave(): void {
    const backend = this.#backend
    if (backend === undefined) return
    backend.hear = ({ type, bytes }) => {
      if (type !== 'Z') return
      this.#due -= 1
      if (this.#due > 0) return
      if (bytes.at(-1) === 'I'.charCodeAt(0)) return this.#release()
      this.#due = 1
      backend.write(ROLLBACK)
    }
    if (this.#due > 0 && !this.#open) return
    this.#due += 1
    this.#open = false
    backend.write(ROLLBACK)
  }
}

/** Query ROLLBACK. */
const ROLLBACK = Buffer.from('Q\0\0\0\x0dROLLBACK\0', 'latin1')
