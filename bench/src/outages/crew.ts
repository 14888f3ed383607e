/** The processes that an outage befalls, and what each of them has told. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Part, Told } from './protocol.ts'

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url))

export class Member implements Disposable {
  readonly role: Part['role']
  readonly #child: ChildProcess
  readonly #hear: (told: Told, by: Member) => void
  #ended = false
  /** When it last got on, by the wall clock: a handler was called, an enqueue was answered. */
  #lastAt = 0
  #waiting: {
    readonly after: number
    readonly resolve: (at: number) => void
    readonly reject: (error: Error) => void
  }[] = []

  private constructor(part: Part, hear: (told: Told, by: Member) => void) {
    this.role = part.role
    this.#hear = hear
    this.#child = fork(CHILD, [JSON.stringify(part)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.#child.on('message', (told: Told) => this.#take(told))
    this.#child.once('exit', () => {
      this.#ended = true
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`The ${this.role} has ended.`))
    })
  }

  /** Resolves when it is ready. */
  static async start(part: Part, hear: (told: Told, by: Member) => void): Promise<Member> {
    const member = new Member(part, hear)
    const ended = once(member.#child, 'exit').then(() => {
      throw new Error(`The ${part.role} ended before it was ready.`)
    })
    await Promise.race([once(member.#child, 'message'), ended])
    return member
  }

  /** When it first got on after this time. */
  async gotOn(after: number): Promise<number> {
    if (this.#ended) throw new Error(`The ${this.role} has ended.`)
    if (this.#lastAt > after) return this.#lastAt
    return new Promise((resolve, reject) => this.#waiting.push({ after, resolve, reject }))
  }

  /** Lets it end in good order. */
  async stop(): Promise<void> {
    if (this.#ended) return
    const gone = once(this.#child, 'exit')
    this.#child.send('stop')
    await gone
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
  }

  #take(told: Told): void {
    if (told.kind === 'started' || told.kind === 'acknowledged') this.#moved(told.at)
    this.#hear(told, this)
  }

  #moved(at: number): void {
    this.#lastAt = at
    const all = this.#waiting
    this.#waiting = all.filter(({ after }) => at <= after)
    for (const { after, resolve } of all) if (at > after) resolve(at)
  }
}
