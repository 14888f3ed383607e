/** Transactions that commit or roll back at random while their processes and their server are killed; and the count. */
import { spawn, type ChildProcess } from 'node:child_process'
import { DatabaseSync } from 'node:sqlite'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { connect, type Mill } from 'millrace'
import { startPostgres } from '../../../test/servers/postgres.ts'
import { order, TABLES, type Engine, type Job, type Progress } from './tasks.ts'

const CHILD = join(import.meta.dirname, 'child.ts')
const ROLES = ['produce', 'produce', 'work', 'work'] as const
/** The chance that a blow hits the server. */
const SERVER_SHARE = 0.1
/** How long all tasks may take once nobody is killed any more. */
const END_MS = 120_000

export interface Plan {
  readonly engine: Engine
  /** So many end, one way or the other, while processes are killed. */
  readonly transactions: number
  /** Time between two kills, on average. */
  readonly everyMs: number
}

export interface Count {
  readonly ended: number
  readonly kills: number
  readonly serverKills: number
  readonly orders: number
  readonly tasks: number
  readonly shipped: number
  /** In words; none, if rows and tasks agree. */
  readonly problems: readonly string[]
}

/** A place for tasks and rows. */
interface Stage extends AsyncDisposable {
  readonly place: string
  /** Ends its server as a power cut would, and starts it again. */
  readonly strike: (() => Promise<void>) | undefined
  connect(): Promise<Mill>
  rows(table: 'orders' | 'shipped'): Promise<readonly string[]>
}

export async function prove({ engine, transactions, everyMs }: Plan): Promise<Count> {
  await using stage = engine === 'postgres' ? await postgresStage() : await sqliteStage()
  const crew = new Crew({ engine, place: stage.place })
  try {
    const [kills, serverKills] = await disturb(crew, stage, { transactions, everyMs })
    await crew.dismiss('produce')
    const counted = await count(stage)
    return {
      ended: crew.ended,
      kills,
      serverKills,
      ...counted,
      problems: [...crew.problems, ...counted.problems],
    }
  } finally {
    await crew.dismiss('produce')
    await crew.dismiss('work')
  }
}

async function disturb(
  crew: Crew,
  stage: Stage,
  { transactions, everyMs }: Omit<Plan, 'engine'>,
): Promise<readonly [kills: number, serverKills: number]> {
  let [kills, serverKills] = [0, 0]
  while (crew.ended < transactions) {
    await pause(everyMs * (0.5 + Math.random()))
    if (stage.strike !== undefined && Math.random() < SERVER_SHARE) {
      await stage.strike()
      serverKills += 1
    } else {
      await crew.strike()
      kills += 1
    }
  }
  return [kills, serverKills]
}

async function count(stage: Stage): Promise<Omit<Count, 'ended' | 'kills' | 'serverKills'>> {
  await using mill = await stage.connect()
  const tasks = await endedTasks(mill)
  const orders = await stage.rows('orders')
  const shipped = await stage.rows('shipped')
  const succeeded = tasks.filter(({ state }) => state === 'succeeded').map(({ id }) => id)
  const ids = tasks.map(({ id }) => id)
  const problems = [
    ...differences('orders', orders, ids),
    ...differences('shipped orders', shipped, succeeded),
    ...tasks.filter(({ state }) => state !== 'succeeded').map(({ id, state }) => `task ${id} is ${state}`),
  ]
  return { orders: orders.length, tasks: ids.length, shipped: shipped.length, problems }
}

/** Once all have come to their end. */
async function endedTasks(mill: Mill): Promise<readonly { readonly id: string; readonly state: string }[]> {
  const end = performance.now() + END_MS
  for (;;) {
    const tasks = await allTasks(mill)
    const open = tasks.filter(
      ({ state }) => state !== 'succeeded' && state !== 'failed' && state !== 'cancelled',
    )
    if (open.length === 0 || performance.now() > end) return tasks
    await pause(200)
  }
}

async function allTasks(mill: Mill): Promise<readonly { readonly id: string; readonly state: string }[]> {
  const found: { readonly id: string; readonly state: string }[] = []
  for (let cursor: string | undefined; ;) {
    const { tasks, next } = await mill.tasks.list({ type: order.name, limit: 1_000, cursor })
    found.push(...tasks)
    if (next === undefined) return found
    cursor = next
  }
}

/** Each of the one is once in the other. */
function differences(what: string, rows: readonly string[], tasks: readonly string[]): readonly string[] {
  const [of, known] = [new Set(rows), new Set(tasks)]
  return [
    ...(of.size === rows.length ? [] : [`${rows.length - of.size} ${what} are there twice`]),
    ...Array.from(of.difference(known), (id) => `${what}: ${id} has no task`),
    ...Array.from(known.difference(of), (id) => `${what}: task ${id} has no row`),
  ]
}

/** Processes that are replaced when they are killed. */
class Crew {
  readonly #job: Omit<Job, 'role'>
  readonly #members: { readonly role: Job['role']; child: ChildProcess; dismissed: boolean }[]
  /** Who ended without being killed. */
  readonly problems: string[] = []
  ended = 0

  constructor(job: Omit<Job, 'role'>) {
    this.#job = job
    this.#members = ROLES.map((role) => ({ role, child: this.#start(role), dismissed: false }))
  }

  /** Ends one of them with -9, and starts another one. */
  async strike(): Promise<void> {
    const member = this.#members[Math.floor(Math.random() * this.#members.length)]!
    await killed(member.child)
    member.child = this.#start(member.role)
  }

  async dismiss(role: Job['role']): Promise<void> {
    const members = this.#members.filter((member) => member.role === role && !member.dismissed)
    for (const member of members) member.dismissed = true
    await Promise.all(members.map(({ child }) => killed(child)))
  }

  #start(role: Job['role']): ChildProcess {
    const job: Job = { ...this.#job, role }
    const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const
    const child = spawn(process.execPath, [CHILD, JSON.stringify(job)], { stdio: [...stdio] })
    child.on('message', ({ ended }: Progress) => void (this.ended += ended))
    child.on('error', ({ message }) => this.problems.push(message))
    child.on('exit', (code) => {
      if (code !== null) this.problems.push(`a process to ${role} ended by itself, with exit code ${code}`)
    })
    return child
  }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

async function postgresStage(): Promise<Stage> {
  const { url, server } = await startPostgres()
  const client = async <T>(work: (one: pg.Client) => Promise<T>): Promise<T> => {
    const one = new pg.Client({ connectionString: url })
    await one.connect()
    try {
      return await work(one)
    } finally {
      await one.end()
    }
  }
  await (await connect(url)).close()
  await client((one) => one.query(TABLES))
  return {
    place: url,
    strike: async () => {
      await server.kill('SIGKILL')
      await server.start()
    },
    connect: () => connect(url),
    rows: (table) =>
      client(async (one) =>
        (await one.query<{ id: string }>(`SELECT id FROM ${table}`)).rows.map(({ id }) => id),
      ),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

async function sqliteStage(): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-transactions-'))
  const path = join(folder, 'home.db')
  await (await connect(`sqlite:${path}`)).close()
  const open = <T>(work: (db: DatabaseSync) => T): T => {
    const db = new DatabaseSync(path, { timeout: 5_000 })
    try {
      return work(db)
    } finally {
      db.close()
    }
  }
  open((db) => db.exec(TABLES))
  return {
    place: path,
    strike: undefined,
    connect: () => connect(`sqlite:${path}`),
    rows: async (table) =>
      open((db) => db.prepare(`SELECT id FROM ${table}`).all() as { id: string }[]).map(({ id }) => id),
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true }),
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
