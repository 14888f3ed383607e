/** Processes that are killed with -9 at random, and replaced by new ones. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Part, Told } from './protocol.ts'

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url))

interface Member {
  readonly part: Part
  readonly child: ChildProcess
}

export class Crew implements Disposable {
  readonly #hear: (told: Told) => void
  #members: Member[] = []

  constructor(parts: readonly Part[], hear: (told: Told) => void) {
    this.#hear = hear
    this.#members = parts.map((part) => this.#begin(part))
  }

  /** Resolves when all are at work. */
  async ready(): Promise<void> {
    await Promise.all(this.#members.map(({ child }) => once(child, 'message')))
  }

  /** Kills one of them, and puts another one in its place. */
  async strike(random: number): Promise<void> {
    const index = Math.floor(random * this.#members.length)
    const { part, child } = this.#members[index]!
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
    this.#members[index] = this.#begin(part)
  }

  /** Lets those of a role end in good order. */
  async dismiss(role: Part['role']): Promise<void> {
    const leaving = this.#members.filter(({ part }) => part.role === role)
    this.#members = this.#members.filter(({ part }) => part.role !== role)
    await Promise.all(
      leaving.map(async ({ child }) => {
        if (child.exitCode !== null) return
        const gone = once(child, 'exit')
        if (child.connected) child.send('stop')
        await gone
      }),
    )
  }

  [Symbol.dispose](): void {
    for (const { child } of this.#members) child.kill('SIGKILL')
  }

  #begin(part: Part): Member {
    const child = fork(CHILD, [JSON.stringify(part)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    child.on('message', this.#hear)
    return { part, child }
  }
}
