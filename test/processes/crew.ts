/** Child processes that are killed, stopped, continued and replaced, each by its own pid. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

export interface CrewPlan<Part, Told> {
  /** What each of them runs. It is told its part as its only argument, in JSON; its first message says that it is ready. */
  readonly script: URL
  readonly hear: (told: Told, by: Member<Part>) => void
  /** Options of Node's, beside those of this process. */
  readonly nodeOptions?: readonly string[]
}

/** One of them. It ends by itself when it is sent the message `stop`, and when this process is gone. */
export class Member<Part> {
  readonly part: Part
  readonly #child: ChildProcess
  readonly #gone: Promise<unknown>
  readonly #heard: Promise<unknown>
  /** Whether somebody wanted it to end. */
  #leaving = false

  constructor(part: Part, { script, hear, nodeOptions = [] }: CrewPlan<Part, never>) {
    this.part = part
    this.#child = fork(fileURLToPath(script), [JSON.stringify(part)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: [...process.execArgv, ...nodeOptions],
    })
    this.#child.on('message', (told) => hear(told as never, this))
    this.#gone = once(this.#child, 'exit')
    this.#heard = once(this.#child, 'message')
    this.#heard.catch(() => undefined) // it could not be started: who waits for it is told
  }

  get pid(): number {
    return this.#child.pid!
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Ended without being told to, by itself. */
  get deserted(): boolean {
    return !this.alive && !this.#leaving
  }

  /** Resolves with its first message. @throws Error if it ends before */
  async ready(): Promise<void> {
    const ended = this.#gone.then(() => {
      if (!this.#leaving) throw new Error(`The process ${this.pid} ended before it was ready.`)
    })
    await Promise.race([this.#heard, ended])
  }

  tell(message: string): void {
    if (this.#child.connected) this.#child.send(message)
  }

  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    this.#leaving = true
    if (!this.alive) return
    this.#child.kill('SIGKILL')
    await this.#gone
  }

  /** Lets it end in good order. */
  async finish(): Promise<void> {
    this.#leaving = true
    if (!this.alive) return
    this.tell('stop')
    await this.#gone
  }
}

export class Crew<Part, Told> implements Disposable {
  readonly #plan: CrewPlan<Part, Told>
  #members: Member<Part>[]

  constructor(parts: readonly Part[], plan: CrewPlan<Part, Told>) {
    this.#plan = plan
    this.#members = parts.map((part) => this.#begin(part))
  }

  get members(): readonly Member<Part>[] {
    return this.#members
  }

  /** Resolves when all are at work. */
  async ready(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.ready()))
  }

  /** One more. Resolves when it is at work. */
  async hire(part: Part): Promise<void> {
    const member = this.#begin(part)
    this.#members = [...this.#members, member]
    await member.ready()
  }

  /**
   * Kills one of them with -9, and puts another one in its place.
   *
   * @param chance from 0 to 1, 1 excluded: draws which
   */
  async strike(chance: number): Promise<Member<Part>> {
    const member = this.#members[Math.floor(chance * this.#members.length)]!
    await member.kill()
    this.#replace(member, member.part)
    return member
  }

  /** Lets one end in good order while another one begins, with another part. */
  async relieve(member: Member<Part>, part: Part): Promise<void> {
    const next = this.#replace(member, part)
    await next.ready()
    await member.finish()
  }

  /** Lets those end in good order. */
  async dismiss(which: (part: Part) => boolean): Promise<void> {
    const leaving = this.#members.filter(({ part }) => which(part))
    this.#members = this.#members.filter(({ part }) => !which(part))
    await Promise.all(leaving.map((member) => member.finish()))
  }

  [Symbol.dispose](): void {
    for (const member of this.#members) void member.kill()
  }

  #replace(member: Member<Part>, part: Part): Member<Part> {
    const next = this.#begin(part)
    this.#members[this.#members.indexOf(member)] = next
    return next
  }

  #begin(part: Part): Member<Part> {
    return new Member(part, this.#plan as CrewPlan<Part, never>)
  }
}
