/**
 * Keeps worker processes running: starts them, starts one that died again, and passes on what it is told. It knows
 * nothing of stores and tasks, so that it stays small and has nothing to fail by.
 */
import { EXIT } from '../exits.ts'
import type { Order } from './line.ts'
import { afterDeath } from './restarts.ts'

/** A process that does not end although it is to hurry has so long: more than a worker takes to give everything back. */
const KILL_AFTER_MS = 20_000

/** How a process ended: by itself with a code, or by a signal. */
export interface Ending {
  readonly code: number | null
  readonly signal: string | null
}

export interface ChargeEvents {
  /** It has begun to claim tasks. */
  ready(): void
  /** It has stopped, as it was to. */
  stopped(): void
  /** It is gone. */
  ended(ending: Ending): void
}

/** A worker process. */
export interface Charge {
  readonly pid: number | undefined
  tell(order: Order): void
  kill(): void
}

/** What there is to say about the processes. */
export type Notice =
  | {
      readonly kind: 'died'
      readonly pid: number | undefined
      readonly ending: Ending
      readonly delayMs: number
    }
  | { readonly kind: 'given up'; readonly ending: Ending; readonly deaths: number }
  | { readonly kind: 'killed'; readonly pid: number | undefined }

export interface SupervisorParts {
  readonly processes: number
  /** Starts a worker process. Its events come later, never within this call. */
  start(index: number, events: ChargeEvents): Charge
  say(notice: Notice): void
  nowMs(): number
  /** From 0 to 1, 1 excluded. */
  chance(): number
  /** Calls `run` after so long, unless the answer is called before. */
  later(delayMs: number, run: () => void): () => void
}

interface Post {
  readonly index: number
  charge: Charge | undefined
  begunMs: number
  /** Deaths in a row. */
  deaths: number
  cancelRestart: (() => void) | undefined
}

export class Supervisor {
  readonly #parts: SupervisorParts
  readonly #over = Promise.withResolvers<number>()
  /** Those that have not come to their end. */
  readonly #posts = new Set<Post>()
  #order: Order | undefined
  /** Whether any process has ever come to work: until then what ends one is no accident. */
  #proven = false
  #worst: number = EXIT.done

  constructor(parts: SupervisorParts) {
    this.#parts = parts
  }

  /**
   * Starts the first process, and the others once that one is ready: what is wrong with the command line is so said
   * once. Resolves when all have ended, with the worst of their codes.
   */
  run(): Promise<number> {
    this.#start(this.#newPost(0))
    return this.#over.promise
  }

  /** Asked to end: at first the processes drain, then they hurry. */
  asked(): void {
    this.#tell(this.#order === undefined ? 'stop' : 'hurry')
  }

  #newPost(index: number): Post {
    const post = { index, charge: undefined, begunMs: 0, deaths: 0, cancelRestart: undefined }
    this.#posts.add(post)
    return post
  }

  #start(post: Post): void {
    let isStopped = false
    post.begunMs = this.#parts.nowMs()
    post.cancelRestart = undefined
    post.charge = this.#parts.start(post.index, {
      ready: () => this.#ready(),
      stopped: () => (isStopped = true),
      ended: (ending) => this.#ended(post, ending, isStopped),
    })
  }

  #ready(): void {
    if (this.#proven) return
    this.#proven = true
    if (this.#order !== undefined) return
    const others = Array.from({ length: this.#parts.processes - 1 }, (_, index) => this.#newPost(index + 1))
    for (const post of others) this.#start(post)
  }

  #ended(post: Post, ending: Ending, isStopped: boolean): void {
    const pid = post.charge?.pid
    post.charge = undefined
    const { code } = ending
    const isMeant = code === EXIT.done || isStopped || this.#order !== undefined
    // one that ended by itself before any came to work has said why, and would say it again
    if (isMeant || (!this.#proven && code !== null)) return this.#end(post, code ?? EXIT.failed)
    const restart = afterDeath({
      before: post.deaths,
      livedMs: this.#parts.nowMs() - post.begunMs,
      chance: this.#parts.chance(),
    })
    post.deaths = restart.deaths
    if (restart.verdict === 'give up') {
      this.#parts.say({ kind: 'given up', ending, deaths: restart.deaths })
      this.#end(post, code ?? EXIT.failed)
      return this.#tell('stop')
    }
    this.#parts.say({ kind: 'died', pid, ending, delayMs: restart.delayMs })
    post.cancelRestart = this.#parts.later(restart.delayMs, () => this.#start(post))
  }

  #end(post: Post, code: number): void {
    this.#worst = Math.max(this.#worst, code)
    this.#posts.delete(post)
    if (this.#posts.size === 0) this.#over.resolve(this.#worst)
  }

  #tell(order: Order): void {
    if (this.#order === 'hurry') return
    this.#order = order
    for (const post of this.#posts) {
      post.charge?.tell(order)
      if (post.cancelRestart === undefined) continue
      post.cancelRestart()
      this.#end(post, EXIT.done)
    }
    if (order === 'hurry') void this.#parts.later(KILL_AFTER_MS, () => this.#killAll())
  }

  #killAll(): void {
    for (const { charge } of this.#posts) {
      this.#parts.say({ kind: 'killed', pid: charge?.pid })
      charge?.kill()
    }
  }
}
