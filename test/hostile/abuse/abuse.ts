/** One attack on a server of its own, measured: its memory, and how a client fares that does no harm. A, B, A. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HealthyClient, quantile, type Latencies } from './healthy.ts'
import type { FromServer, Place } from './part.ts'

export interface AbusePlan {
  readonly attack: string
  /** Of each of the three parts. */
  readonly seconds: number
}

export interface AbuseVerdict {
  readonly attack: string
  /** MiB: before the attack, and at its worst. */
  readonly rss: { readonly before: number; readonly peak: number }
  /** Milliseconds, of the slower one of both parts without the attack, and with it. */
  readonly p99: Readonly<Record<'rest' | 'grpc', { readonly calm: number; readonly abused: number }>>
  /** Of the healthy client, and of the server. */
  readonly failures: readonly string[]
}

const SERVER = new URL('server.ts', import.meta.url)
const ATTACKER = new URL('attacker.ts', import.meta.url)
const MIB = 1_048_576
const EXEC = ['-C', '@millrace/source']

export async function abuse({ attack, seconds }: AbusePlan): Promise<AbuseVerdict> {
  await using server = await AbusedServer.start()
  await using healthy = new HealthyClient(server.place)
  await healthy.measure(1) // warm
  const first = await healthy.measure(seconds)
  const before = server.newPeak()
  const attacker = fork(ATTACKER, [attack, JSON.stringify(server.place)], { execArgv: EXEC })
  let during: Latencies
  try {
    await once(attacker, 'message')
    during = await healthy.measure(seconds)
  } finally {
    await end(attacker)
  }
  const peak = server.newPeak()
  const second = await healthy.measure(seconds)
  const p99 = (wire: 'rest' | 'grpc'): { calm: number; abused: number } => ({
    calm: Math.max(quantile(first[wire], 0.99), quantile(second[wire], 0.99)),
    abused: quantile(during[wire], 0.99),
  })
  return {
    attack,
    rss: { before, peak },
    p99: { rest: p99('rest'), grpc: p99('grpc') },
    failures: [...first.failures, ...during.failures, ...second.failures, ...server.errors],
  }
}

class AbusedServer implements AsyncDisposable {
  readonly errors: string[] = []
  place!: Place
  readonly #folder = mkdtempSync(join(tmpdir(), 'millrace-abuse-'))
  readonly #process: ChildProcess
  #peak = 0

  static async start(): Promise<AbusedServer> {
    const server = new AbusedServer()
    await new Promise<void>((resolve, reject) => {
      server.#process.on('message', (message: FromServer) => {
        server.#hear(message)
        if ('place' in message) resolve()
      })
      server.#process.once('exit', (code) => {
        server.errors.push(`The server has ended (${code}).`)
        reject(new Error('The server did not start.'))
      })
    })
    return server
  }

  constructor() {
    this.#process = fork(SERVER, [join(this.#folder, 'abused.db')], { execArgv: EXEC })
  }

  /** The most since it was asked last, in MiB. */
  newPeak(): number {
    const peak = this.#peak
    this.#peak = 0
    return Math.round(peak / MIB)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#process)
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #hear(message: FromServer): void {
    if ('place' in message) this.place = message.place
    else if ('rss' in message) this.#peak = Math.max(this.#peak, message.rss)
    else this.errors.push(message.error)
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
