/** The worker processes of a contender, and who starts another one when one dies: the same for all contenders. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nowMs } from './journal.ts'

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url))

/** What a process is to do; its only argument, as JSON. */
export interface Part {
  readonly contender: string
  readonly url: string
  readonly journal: string
}

const PROCESSES = 2

/** How much of what workers have said is shown when one ends by itself. */
const SAID_MAX = 2_000

export class Crew implements AsyncDisposable {
  readonly #part: Part
  readonly #members = new Set<ChildProcess>()
  readonly #pids = new Set<number>()
  #deaths = 0
  #isOver = false
  #failure: Error | undefined

  private constructor(part: Part) {
    this.#part = part
  }

  /** Resolves when all of them are at work. */
  static async start(part: Part): Promise<Crew> {
    const crew = new Crew(part)
    const members = Array.from({ length: PROCESSES }, () => crew.#begin())
    await Promise.all(members.map((child) => Promise.race([once(child, 'message'), once(child, 'exit')])))
    crew.check()
    return crew
  }

  /** How many of them have died. */
  get deaths(): number {
    return this.#deaths
  }

  /** Whether a process is, or was, one of them: children of theirs are not. */
  has(pid: number): boolean {
    return this.#pids.has(pid)
  }

  /** @throws Error if one has ended by itself, which none has a reason to do */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Kills one with -9; resolves, when it is gone, with the time at which it was killed. */
  async kill(pid: number): Promise<number> {
    const child = [...this.#members].find((member) => member.pid === pid)
    if (child === undefined) throw new Error(`No member has the process id ${pid}.`)
    const gone = once(child, 'exit')
    const atMs = nowMs()
    child.kill('SIGKILL')
    await gone
    return atMs
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    await Promise.all(
      [...this.#members].map(async (child) => {
        const gone = once(child, 'exit')
        child.kill('SIGKILL')
        await gone
      }),
    )
  }

  #begin(): ChildProcess {
    const said = openSync(this.#saidPath, 'a')
    const child = fork(CHILD, [JSON.stringify(this.#part)], {
      // where a core dump goes too
      cwd: dirname(this.#part.journal),
      stdio: ['ignore', 'ignore', said, 'ipc'],
    })
    closeSync(said)
    this.#members.add(child)
    this.#pids.add(child.pid!)
    child.once('exit', (code) => {
      this.#members.delete(child)
      if (this.#isOver) return
      this.#deaths += 1
      if (code === null) this.#begin()
      else this.#fail(code)
    })
    return child
  }

  #fail(code: number): void {
    const said = readFileSync(this.#saidPath, 'utf8').slice(-SAID_MAX)
    this.#failure ??= new Error(`A worker of ${this.#part.contender} ended with code ${code}: ${said}`)
  }

  get #saidPath(): string {
    return join(dirname(this.#part.journal), 'said.log')
  }
}
