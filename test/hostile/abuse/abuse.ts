/** One attack on a server of its own, measured: its memory, and how a client fares that does no harm. A, B, A. */
import { fork, spawnSync, type ChildProcess, type ForkOptions } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execPath, platform } from 'node:process'
import { HealthyClient, quantile, type Latencies } from './healthy.ts'
import type { FromAttacker, FromServer, Place, Through } from './part.ts'

export interface AbusePlan {
  readonly attack: string
  /** Of each part: half of the time without the attack is before it, and half after it. */
  readonly seconds: number
  /**
   * Whether the attacker has only the time of processors that nobody else wants. So real ones are, who have processors of
   * their own: else the scheduler is measured, and not the server. On a busy machine it would never begin.
   */
  readonly isLeftOver: boolean
}

export interface AbuseVerdict {
  readonly attack: string
  /** MiB: before the attack, and at its worst. */
  readonly rss: { readonly before: number; readonly peak: number }
  /** Milliseconds, without the attack and with it. */
  readonly p99: Readonly<Record<'rest' | 'grpc', { readonly calm: number; readonly abused: number }>>
  /** Of one processor, what the server took without the attack and with it: 1 is all of it. */
  readonly cpu: { readonly calm: number; readonly abused: number }
  /** What the attacker got through meanwhile. */
  readonly through: Through
  /** Of the healthy client, and of the server. */
  readonly failures: readonly string[]
}

const SERVER = new URL('server.ts', import.meta.url)
const ATTACKER = new URL('attacker.ts', import.meta.url)
const MIB = 1_048_576
const WARM_S = 2
const WAKE_S = 2
const EXEC = ['-C', '@millrace/source']

export async function abuse({ attack, seconds, isLeftOver }: AbusePlan): Promise<AbuseVerdict> {
  await using server = await AbusedServer.start()
  await using healthy = new HealthyClient(server.place)
  await healthy.measure(WARM_S)
  server.newUsage()
  const first = await healthy.measure(seconds / 2)
  const before = server.newUsage()
  const attacker = fork(
    ATTACKER,
    [attack, JSON.stringify(server.place)],
    isLeftOver ? leftOver() : { execArgv: EXEC },
  )
  let through: Through = { connections: 0, streams: 0, bytes: 0 }
  // on a busy machine one of the lowest priority takes its time until it attacks
  const attacking = new Promise<void>((resolve, reject) => {
    attacker.on('message', (message: FromAttacker) => {
      through = message.through
      if (through.connections > 0) resolve()
    })
    attacker.once('exit', () => reject(new Error('The attacker has ended before anything got through.')))
  })
  let during: Latencies
  try {
    await attacking
    server.newUsage()
    during = await healthy.measure(seconds)
  } finally {
    await end(attacker)
  }
  const abused = server.newUsage()
  // what the attack leaves behind is no calm
  const wake = await healthy.measure(WAKE_S)
  const last = await healthy.measure(seconds / 2)
  const p99 = (wire: 'rest' | 'grpc'): { calm: number; abused: number } => ({
    calm: quantile([...first[wire], ...last[wire]], 0.99),
    abused: quantile(during[wire], 0.99),
  })
  const failures = [first, during, wake, last].flatMap((part) => part.failures)
  return {
    attack,
    rss: { before: before.peak, peak: Math.max(before.peak, abused.peak) },
    cpu: { calm: before.cpu, abused: abused.cpu },
    p99: { rest: p99('rest'), grpc: p99('grpc') },
    through,
    failures: [...failures, ...server.errors],
  }
}

class AbusedServer implements AsyncDisposable {
  readonly errors: string[] = []
  place!: Place
  readonly #folder = mkdtempSync(join(tmpdir(), 'millrace-abuse-'))
  readonly #process: ChildProcess
  #peak = 0
  #cpuMs = 0
  #since = { at: performance.now(), cpuMs: 0 }

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

  /** Since it was asked last: the most memory, in MiB, and the part of a processor. */
  newUsage(): { readonly peak: number; readonly cpu: number } {
    const now = performance.now()
    const cpu = (this.#cpuMs - this.#since.cpuMs) / (now - this.#since.at)
    const peak = Math.round(this.#peak / MIB)
    this.#peak = 0
    this.#since = { at: now, cpuMs: this.#cpuMs }
    return { peak, cpu }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#process)
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #hear(message: FromServer): void {
    if ('place' in message) this.place = message.place
    else if ('rss' in message) {
      this.#peak = Math.max(this.#peak, message.rss)
      this.#cpuMs = message.cpuMs
    } else this.errors.push(message.error)
  }
}

/** Linux has a way to say so; elsewhere the lowest priority, which the attacker gives itself, has to do. */
function leftOver(): ForkOptions {
  const isThere = platform === 'linux' && spawnSync('chrt', ['--version']).status === 0
  if (!isThere) return { execArgv: EXEC }
  return { execPath: 'chrt', execArgv: ['--idle', '0', execPath, ...EXEC] }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
