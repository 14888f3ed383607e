/** Requests that the document allows, and the same bent out of shape: never a fault of the server, and what is refused changes nothing. */
import { expect, test } from 'vitest'
import { seededRandom } from '../../../core/src/simulation/random.ts'
import { Stage } from '../stage.ts'
import { prepared } from '../calls/prepared.ts'
import { Bender } from './bender.ts'

const REQUESTS = Number(process.env['MILLRACE_FUZZ_REQUESTS'] ?? 2_000)
const SEED = Number(process.env['MILLRACE_FUZZ_SEED'] ?? 7)

const WRITES = [
  'add',
  'command',
  'configureQueue',
  'configureLimit',
  'removeLimit',
  'configurePartition',
  'configureBudget',
  'putSchedule',
  'removeSchedule',
  'orderSession',
] as const

/** A store does not stay as it was prepared for long: so many requests meet each. */
const TO_EACH = 250

test(`${REQUESTS} requests of the seed ${SEED}`, { timeout: 20_000 + REQUESTS * 30 }, async () => {
  const bender = new Bender(seededRandom(SEED))
  const statuses = new Map<number, number>()
  for (let count = 0; count < REQUESTS; count += TO_EACH) {
    await using stage = new Stage({ requests: { perSecond: 1e9, burst: 1e9 } })
    await prepared(stage)
    await bend(stage, { bender, statuses, from: count })
  }
  // a fuzz that is always refused, or never, finds nothing
  const good = [...statuses].filter(([status]) => status < 300).reduce((sum, [, times]) => sum + times, 0)
  expect(good).toBeGreaterThan(REQUESTS / 20)
  expect(good).toBeLessThan((REQUESTS * 9) / 10)
})

interface Bending {
  readonly bender: Bender
  readonly statuses: Map<number, number>
  readonly from: number
}

async function bend(stage: Stage, { bender, statuses, from }: Bending): Promise<void> {
  let writes = 0
  for (const name of WRITES) {
    const write = (stage.store[name] as (...given: unknown[]) => Promise<unknown>).bind(stage.store)
    Object.assign(stage.store, { [name]: (...given: unknown[]) => ((writes += 1), write(...given)) })
  }
  let before = await snapshot(stage)
  for (let count = 0; count < TO_EACH; count++) {
    const request = bender.request()
    const shown = `${from + count}: ${request.method} ${request.url} ${bender.text.slice(0, 2_000)}`
    writes = 0
    const response = await stage.server.fetch(request)
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
    if (isStream) await response.body?.cancel()
    const text = isStream ? '' : await response.text()
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
    expect(response.status, `${shown}\n${text}`).toBeLessThan(500)
    if (writes === 0) continue
    const after = await snapshot(stage)
    expect(response.status >= 400 ? after : before, `${shown}\n${text}`).toEqual(before)
    before = after
  }
}

async function snapshot({ store }: Stage): Promise<unknown> {
  const [page, queues, schedules, limits, partitions, budgets, sessions] = await Promise.all([
    store.list({ filter: {}, limit: 1_000, cursor: null }),
    store.queues(),
    store.schedules({ after: null, limit: 1_000 }),
    store.limits({ names: null, limit: 1_000, cursor: null, keysMax: 10 }),
    store.partitions(),
    store.budgets(),
    store.sessions(),
  ])
  const settings = queues.map(({ queue, paused, retention }) => ({ queue, paused, retention }))
  return structuredClone({ tasks: page.tasks, settings, schedules, limits, partitions, budgets, sessions })
}
