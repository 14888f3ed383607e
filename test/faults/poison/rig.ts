/** Pills among ordinary tasks, on a store of its own, with a worker that is started again whenever it dies. */
import { spawn } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { connect, type TaskHandle, type TaskStatus } from 'millrace'
import { child, inline, thread } from './handlers.mjs'
import type { WoundName } from '../rig/wounds.ts'

const WORKER = fileURLToPath(new URL('./worker.mjs', import.meta.url))

const DEFINITIONS = [inline, thread, child]

/** What each kind of pill does, and where. A thread cannot abort, and under `run` an exit is a failure inline. */
const PILLS = [
  [inline, 'abort'],
  [thread, 'memory'],
  [child, 'exit'],
  [inline, 'memory'],
  [thread, 'exit'],
  [child, 'abort'],
  [child, 'memory'],
] as const

export interface Poisoned {
  readonly pills: readonly TaskStatus[]
  readonly neighbours: readonly TaskStatus[]
  /** How often the worker died. */
  readonly deaths: number
}

export interface Poisoning {
  /** So many in all, the pills included. */
  readonly tasks: number
  readonly pills: number
  /** How the store is broken for the worker. */
  readonly wound?: WoundName
  /** How often the worker is started at most. Default 100. */
  readonly startsMax?: number
}

/** @throws Error if the worker dies too often */
export async function poisoned(store: string, plan: Poisoning): Promise<Poisoned> {
  const { tasks, pills } = plan
  await using mill = await connect(store)
  const every = Math.floor(tasks / pills)
  const ids: TaskHandle['id'][] = []
  const pillIds = new Set<string>()
  for (let n = 0; n < tasks; n++) {
    const isPill = n % every === Math.floor(every / 2) && pillIds.size < pills
    const [task, pill] = isPill ? PILLS[pillIds.size % PILLS.length]! : [DEFINITIONS[n % 3]!, null]
    const { id } = await mill.enqueue(task, { n, pill })
    ids.push(id)
    if (isPill) pillIds.add(id)
  }
  const deaths = await worked(store, plan)
  const all: TaskStatus[] = []
  for (const id of ids) all.push((await mill.tasks.get(id))!)
  return {
    pills: all.filter(({ id }) => pillIds.has(id)),
    neighbours: all.filter(({ id }) => !pillIds.has(id)),
    deaths,
  }
}

async function worked(store: string, { wound, startsMax = 100 }: Poisoning): Promise<number> {
  const args = [WORKER, store, ...(wound === undefined ? [] : [wound])]
  for (let deaths = 0; deaths < startsMax; deaths++) {
    const code = await new Promise<number | null>((resolve) =>
      spawn(process.execPath, ['--max-old-space-size=96', ...args], { stdio: 'ignore' }).once(
        'exit',
        resolve,
      ),
    )
    if (code === 0) return deaths
  }
  throw new Error(`the worker died ${startsMax} times`)
}
