/**
 * Kills workers with -9 while schedules fire every second: each fire time has one task, and none is left out. After
 * `npm run build`: `node bench/src/schedule-kills.ts [sqlite postgres redis] [--schedules N] [--seconds N] [--workers N]`.
 * Exit code 1 if a fire time has no task.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connect, taskId, type Mill } from 'millrace'
import { startPostgres } from '../../test/servers/postgres.ts'
import { startRedis } from '../../test/servers/redis.ts'
import { beat } from './schedules/beat.ts'

const ENGINES = ['sqlite', 'postgres', 'redis'] as const
type Engine = (typeof ENGINES)[number]

const CHILD = new URL('./schedules/child.ts', import.meta.url)
const KILL_EVERY_MS = 1_500

interface Plan {
  readonly schedules: number
  readonly seconds: number
  readonly workers: number
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    schedules: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '30' },
    workers: { type: 'string', default: '3' },
  },
})
const plan: Plan = {
  schedules: Number(values.schedules),
  seconds: Number(values.seconds),
  workers: Number(values.workers),
}
for (const engine of ENGINES) {
  if (positionals.length > 0 && !positionals.includes(engine)) continue
  await on(engine, (place) => run(engine, place))
}

async function on(engine: Engine, work: (place: string) => Promise<void>): Promise<void> {
  if (engine === 'sqlite') {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-schedules-'))
    await work(`sqlite:${join(folder, 'home.db')}`).finally(() => rmSync(folder, { recursive: true }))
    return
  }
  await using server = await (engine === 'postgres' ? startPostgres() : startRedis({ fsync: 'always' }))
  await work(server.url)
}

async function run(engine: Engine, place: string): Promise<void> {
  await using mill = await connect(place)
  const from = Math.ceil(Date.now() / 1_000 + 2) * 1_000
  const until = from + (plan.seconds - 1) * 1_000
  const names = Array.from({ length: plan.schedules }, (_, index) => `beat.${index}`)
  for (const name of names) {
    const options = {
      task: beat,
      input: { of: name },
      every: '1s',
      from,
      until,
      missed: { all: 1_000 },
    } as const
    await mill.schedules.put(name, options)
  }
  const workers = await Promise.all(Array.from({ length: plan.workers }, () => worker(place)))
  const kills = await killUntil(until, workers, place)
  await ended(mill, names)
  for (const child of workers) child.kill('SIGKILL')
  const times = Array.from({ length: plan.seconds }, (_, second) => from + 1_000 * second)
  const ids = names.flatMap((name) => times.map((at) => taskId('millrace.schedule', name, String(at))))
  let missing = 0
  for (const id of ids) if ((await mill.tasks.get(id)) === undefined) missing += 1
  let tasks = 0
  for (const { counts } of await mill.queues.list()) {
    // what waits is over by now
    tasks += counts.running + counts.succeeded + counts.failed + counts.cancelled
  }
  const extra = tasks - (ids.length - missing)
  console.log(
    `${engine}: ${ids.length} fire times of ${names.length} schedules, ${kills} kills of ${plan.workers} workers: ${missing} without a task, ${extra} tasks too many`,
  )
  if (missing > 0 || extra > 0) process.exitCode = 1
}

async function worker(place: string): Promise<ChildProcess> {
  const child = fork(CHILD, [JSON.stringify({ place })], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  await once(child, 'message')
  return child
}

/** Kills one after the other, and starts another in its place. */
async function killUntil(until: number, workers: ChildProcess[], place: string): Promise<number> {
  let kills = 0
  for (; Date.now() < until; kills++) {
    await sleep(KILL_EVERY_MS * Math.random())
    const index = kills % workers.length
    workers[index]!.kill('SIGKILL')
    workers[index] = await worker(place)
  }
  return kills
}

/** Waits until no schedule fires any more, and all that was enqueued has run. */
async function ended(mill: Mill, names: readonly string[]): Promise<void> {
  for (let looks = 0; looks < 300; looks++) {
    const all = await mill.schedules.list()
    const open = all.filter(({ nextAt }) => nextAt !== undefined).length
    const { tasks } = await mill.tasks.list({ state: ['pending', 'running', 'blocked'], limit: 1 })
    if (open === 0 && tasks.length === 0 && all.length === names.length) return
    await sleep(200)
  }
  throw new Error('the schedules never come to their end')
}
