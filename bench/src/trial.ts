/** One trial: the processes of a load for one contender, on a fresh store, and whether nothing was lost. */
import { fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { builtSources } from './built.ts'
import { discrepancy } from './item.ts'
import { engineCpuUs } from './measuring/engine-cpu.ts'
import type { Case, Figures, RoleReport, Scale } from './load.ts'
import type { FromChild, Job, ToChild } from './protocol.ts'
import { SIDES } from './side.ts'
import type { Site } from './engines/site.ts'
import type { Table } from './measuring/profile.ts'

const CHILD = join(builtSources(), 'child.js')

/** Compiled code, so that no process of a run compiles what another one has compiled. */
const cache = mkdtempSync(join(tmpdir(), 'millrace-bench-cache-'))
process.once('exit', () => rmSync(cache, { recursive: true, force: true }))

/** When the processes are told to stop, whatever is missing then; half a minute later they are killed. */
const TIME_UP_MS = { full: 600_000, quick: 30_000 } as const
const KILL_MS = 30_000

export interface Trial {
  readonly figures: Figures
  readonly tables: readonly Table[]
  /** Processor time of all its processes, the engine's too. */
  readonly cpuUs: number
}

export type Casting = Pick<Job, 'contender' | 'engine' | 'quick' | 'profiled'>

/** @throws Error if a process failed, or a task was lost or doubled */
export async function runTrial(one: Case, casting: Casting, site: Site): Promise<Trial> {
  await using plot = await site.plot()
  const engineFromUs = engineCpuUs(site.pid)
  const job = { ...casting, case: one.name, url: plot.url, storeUrl: plot.url, enginePid: site.pid }
  const preparing = new Cast(one, job, one.roles.includes('prepare') ? ['prepare'] : [])
  await preparing.play()
  const roles = one.roles.filter((role) => role !== 'prepare')
  await using front = await SIDES.find(({ name }) => name === casting.contender)?.front?.(plot.url)
  const cast = new Cast(one, { ...job, url: front?.url ?? plot.url }, roles)
  const reports = await cast.play()
  checkHandled(one, reports, casting)
  const figures = one.combine?.(reports) ?? together(reports)
  return {
    figures,
    cpuUs:
      preparing.cpuUs + cast.cpuUs + engineCpuUs(front?.pid ?? null) + engineCpuUs(site.pid) - engineFromUs,
    tables: reports.flatMap((report) => report.tables ?? []),
  }
}

function together(reports: readonly RoleReport[]): Figures {
  return Object.fromEntries(reports.flatMap((report) => Object.entries(report.figures)))
}

function checkHandled(one: Case, reports: readonly RoleReport[], scale: Scale): void {
  const size = one.handled(scale)
  if (size === null) return
  const problem = discrepancy(
    reports.flatMap(({ seen }) => seen ?? []),
    size,
  )
  if (problem !== null) throw new Error(problem)
  // several processes count one after the other, so the last one of them knows
  const counts = reports.flatMap((report) => report.counts ?? [])
  const left = Math.min(...counts.map((count) => count.left))
  if (left !== 0) throw new Error(`${size} tasks were handled, but for the store ${left} are not done.`)
  const succeeded = Math.max(...counts.map((count) => count.succeeded ?? size))
  if (succeeded !== size)
    throw new Error(`${size} tasks were handled, but the store knows of ${succeeded} that succeeded.`)
}

/** The processes that work at the same time. */
class Cast {
  readonly #one: Case
  readonly #job: Omit<Job, 'role'>
  readonly #roles: readonly string[]
  readonly #children: ChildProcess[] = []
  readonly #handled: number[]
  #ready = 0
  /** Processor time of those that have reported. */
  cpuUs = 0

  constructor(one: Case, job: Omit<Job, 'role'>, roles: readonly string[]) {
    this.#one = one
    this.#job = job
    this.#roles = roles
    this.#handled = roles.map(() => 0)
  }

  async play(): Promise<readonly RoleReport[]> {
    const reports = this.#roles.map((role, index) => this.#start(role, index))
    const timeUpMs = this.#job.quick ? TIME_UP_MS.quick : TIME_UP_MS.full
    const timeUp = setTimeout(() => this.#tell('stop'), timeUpMs)
    const over = setTimeout(() => this.#kill(), timeUpMs + KILL_MS)
    try {
      return await Promise.all(reports)
    } finally {
      clearTimeout(timeUp)
      clearTimeout(over)
      this.#kill()
    }
  }

  #start(role: string, index: number): Promise<RoleReport> {
    const job: Job = { ...this.#job, role }
    const child = fork(CHILD, [JSON.stringify(job)], {
      serialization: 'advanced',
      env: this.#one.precompiled === false ? process.env : { ...process.env, NODE_COMPILE_CACHE: cache },
    })
    this.#children.push(child)
    return new Promise((resolve, reject) => {
      child.on('message', (message: FromChild) => {
        if (message.kind === 'report') {
          this.cpuUs += message.cpuUs
          resolve(message.report)
        } else if (message.kind === 'failed') reject(new Error(message.error))
        else this.#heed(message, index)
      })
      child.on('error', reject)
      child.on('exit', (code, signal) =>
        reject(new Error(`The process ${role} ended without a report (${signal ?? code}).`)),
      )
    })
  }

  #heed(message: Extract<FromChild, { kind: 'ready' | 'progress' }>, index: number): void {
    if (message.kind === 'ready') {
      this.#ready += 1
      if (this.#ready === this.#roles.length) this.#tell('go')
      return
    }
    this.#handled[index] = message.handled
    const sum = this.#handled.reduce((total, handled) => total + handled, 0)
    if (sum >= (this.#one.handled(this.#job) ?? Infinity)) this.#tell('stop')
  }

  #tell(kind: ToChild['kind']): void {
    for (const child of this.#children) if (child.connected) child.send({ kind } satisfies ToChild)
  }

  #kill(): void {
    for (const child of this.#children) if (child.exitCode === null) child.kill('SIGKILL')
  }
}
