/**
 * A server that is killed with -9 again and again while clients enqueue through it at a steady rate, by gRPC and by REST,
 * and a worker runs their tasks through it: what was answered is there once, and who called noticed nothing but a wait.
 */
import { randomUUID } from 'node:crypto'
import { connect, defineTask, unchecked, type Mill } from 'millrace'
import { Front } from './front.ts'

const job = defineTask('front-job', {
  input: unchecked<{ readonly n: number }>(),
  output: unchecked<number>(),
})

/** A call is given up after so long; nobody should have to. */
const DEADLINE_MS = 15_000
const RETRY_MS = 100
/** How long all tasks may take once nobody is killed any more. */
const END_MS = 60_000
const PAGE = 1_000
const TICK_MS = 20
/** One in so many goes by REST. */
const REST_SHARE = 10

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

export interface FrontPlan {
  /** The URL of the store behind the server. */
  readonly store: string
  readonly kills: number
  /** From one kill to the next, at random between these. */
  readonly everyMs: readonly [least: number, most: number]
  readonly perSecond: number
}

export interface FrontCount {
  readonly kills: number
  /** Enqueues that were answered, by each transport. */
  readonly answered: { readonly grpc: number; readonly rest: number }
  /** The longest that a caller waited. */
  readonly slowestMs: number
  /** What callers were told that is no answer. */
  readonly errors: readonly string[]
  readonly tasks: number
  readonly runs: number
  /** In words; none, if all is as it should be. */
  readonly problems: readonly string[]
}

export async function proveFront(plan: FrontPlan): Promise<FrontCount> {
  await using front = await Front.start(plan.store)
  const ledger = new Ledger()
  await using mill = await connect(front.grpcUrl, { logger: quiet, storeTimeout: DEADLINE_MS })
  await using elsewhere = await connect(front.grpcUrl, { logger: quiet })
  const worker = elsewhere.worker({
    handlers: job.handler(({ n }) => {
      ledger.runs += 1
      return n
    }),
    concurrency: 50,
    lease: '2s',
  })
  worker.on('error', () => undefined) // its server is gone now and then
  await worker.start()
  const callers = new Callers({ mill, restUrl: front.url, ledger })
  const stop = callers.call(plan.perSecond)
  for (let kills = 0; kills < plan.kills; kills += 1) {
    const [least, most] = plan.everyMs
    await pause(least + Math.random() * (most - least))
    await front.kill('SIGKILL')
    await front.start()
  }
  await pause(plan.everyMs[0])
  stop()
  await callers.rest()
  const problems = await judge(mill, ledger)
  await worker.stop()
  const { grpc, rest, slowestMs, errors, runs } = ledger
  return {
    kills: plan.kills,
    answered: { grpc, rest },
    slowestMs,
    errors,
    tasks: ledger.ids.length,
    runs,
    problems,
  }
}

/** What callers were told. */
class Ledger {
  readonly ids: string[] = []
  readonly errors: string[] = []
  grpc = 0
  rest = 0
  slowestMs = 0
  runs = 0

  answered(id: string, by: 'grpc' | 'rest', ms: number): void {
    this.ids.push(id)
    this[by] += 1
    this.slowestMs = Math.max(this.slowestMs, Math.round(ms))
  }
}

interface CallerParts {
  readonly mill: Mill
  readonly restUrl: string
  readonly ledger: Ledger
}

class Callers {
  readonly #parts: CallerParts
  readonly #calls = new Set<Promise<void>>()
  #n = 0

  constructor(parts: CallerParts) {
    this.#parts = parts
  }

  /** Begins so many calls a second, whatever becomes of those before; until the answer is called. */
  call(perSecond: number): () => void {
    const startedMs = performance.now()
    const timer = setInterval(() => {
      const due = ((performance.now() - startedMs) * perSecond) / 1_000
      while (this.#n < due) this.#begin((this.#n += 1))
    }, TICK_MS)
    return () => clearInterval(timer)
  }

  async rest(): Promise<void> {
    await Promise.all(this.#calls)
  }

  #begin(n: number): void {
    const by = n % REST_SHARE === 0 ? 'rest' : 'grpc'
    const { ledger } = this.#parts
    const startedMs = performance.now()
    const call = (by === 'rest' ? this.#byRest(n) : this.#byGrpc(n)).then(
      (id) => ledger.answered(id, by, performance.now() - startedMs),
      (error: unknown) => void ledger.errors.push(`${by}: ${String(error)}`),
    )
    this.#calls.add(call)
    void call.then(() => this.#calls.delete(call))
  }

  async #byGrpc(n: number): Promise<string> {
    return (await this.#parts.mill.enqueue(job, { n })).id
  }

  /** As any client of an HTTP API does it: the same request again, under the same key. */
  async #byRest(n: number): Promise<string> {
    const key = randomUUID()
    const end = performance.now() + DEADLINE_MS
    for (;;) {
      const answer = await this.#post(n, key).catch((error: unknown) => error as Error)
      if (typeof answer === 'string') return answer
      if (performance.now() > end) throw answer
      await pause(RETRY_MS)
    }
  }

  /** Answers the id, or what says that it is worth another try. */
  async #post(n: number, key: string): Promise<string | Error> {
    const response = await fetch(`${this.#parts.restUrl}/v1/tasks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ type: job.name, input: { n }, force: true }),
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
    const body = (await response.json()) as { readonly id?: string }
    if (response.ok) return body.id!
    return new Error(`${response.status} ${JSON.stringify(body)}`)
  }
}

/** Once all tasks have come to their end. */
async function judge(mill: Mill, ledger: Ledger): Promise<readonly string[]> {
  const { ids } = ledger
  const end = performance.now() + END_MS
  let found = await all(mill)
  while (found.some(({ state }) => state !== 'succeeded') && performance.now() < end) {
    await pause(RETRY_MS)
    found = await all(mill)
  }
  const known = new Set(found.map(({ id }) => id))
  const answered = new Set(ids)
  const problems = [
    ...ids.filter((id) => !known.has(id)).map((id) => `the task ${id} is lost`),
    ...found.filter(({ id }) => !answered.has(id)).map(({ id }) => `the task ${id} was answered to nobody`),
    ...found
      .filter(({ state }) => state !== 'succeeded')
      .map(({ id, state }) => `the task ${id} is ${state}`),
  ]
  if (answered.size !== ids.length)
    problems.push(`${ids.length - answered.size} callers were given an id of somebody else`)
  if (ledger.runs < ids.length) problems.push(`${ids.length} tasks, and only ${ledger.runs} runs`)
  return problems
}

async function all(mill: Mill): Promise<readonly { readonly id: string; readonly state: string }[]> {
  const found: { readonly id: string; readonly state: string }[] = []
  for (let cursor: string | undefined; ;) {
    const { tasks, next } = await mill.tasks.list({ type: job.name, limit: PAGE, cursor })
    found.push(...tasks)
    if (next === undefined) return found
    cursor = next
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
