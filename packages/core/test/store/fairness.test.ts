/** What turns and weights promise, over the memory store and core's own draws: shares, and a bound on waiting. */
import { expect, test } from 'vitest'
import { LevelShares } from '../../src/policy/shares.ts'
import { MemoryStore } from '../../src/store/memory/store.ts'
import { seededRandom, VirtualTime } from '../../src/simulation/index.ts'
import type { Claim, Level, TaskSpec } from '../../src/store/records.ts'

const SESSION = '00000000-0000-4000-8000-000000000001'

class Rig {
  readonly #time = new VirtualTime(seededRandom(1))
  readonly store: MemoryStore = new MemoryStore({ platform: this.#time.platform() })
  readonly #shares = new LevelShares()
  #drawn = 0
  #turn: string | null = null

  async open(): Promise<void> {
    await this.store.openSession({
      session: SESSION,
      ttlMs: 1e9,
      host: 'h',
      pid: 1,
      queues: ['q'],
      types: ['t'],
      offers: [],
      concurrency: 1,
      state: 'running',
      definitions: [],
    })
  }

  async add(partition: string | null, level: Level, count: number): Promise<void> {
    const tasks = Array.from({ length: count }, () => this.#spec(partition, level))
    await this.store.add({ groups: [{ tasks, under: null, gate: null }], again: false })
  }

  async claim(tasksMax: number): Promise<readonly Claim[]> {
    this.#drawn += 1
    const answer = await this.store.exchange({
      session: SESSION,
      nonce: this.#drawn.toString(16).padStart(16, '0'),
      again: false,
      settlements: [],
      demand: {
        types: ['t'],
        offers: [],
        queues: [{ queue: 'q', slots: this.#shares.draw(tasksMax), tasksMax }],
        tasksMax,
        quantum: Math.ceil(tasksMax / 20),
        bytesMax: 1e9,
        cursor: null,
        turn: this.#turn,
      },
    })
    this.#turn = answer.turn
    return answer.claims
  }

  #spec(partition: string | null, level: Level): TaskSpec {
    this.#drawn += 1
    return {
      id: `00000000-0000-7000-8000-${this.#drawn.toString(16).padStart(12, '0')}`,
      idMadeBy: 'client',
      digest: 'dddddddddddddddd',
      type: 't',
      needs: [],
      queue: 'q',
      level,
      lane: partition === null ? null : { partition, fifo: false, limits: [], prefers: [], spillMs: 0 },
      dueByMs: null,
      due: { inMs: 0 },
      held: false,
      payload: JSON.stringify([partition, level]),
      policy: { retry: { kind: 'delays', delaysMs: [] } },
      timeoutMs: null,
      startByMs: null,
      deadlineMs: null,
      after: [],
      unique: null,
      tags: [],
      metadata: {},
      headers: {},
    }
  }
}

const ownerOf = ({ payload }: Claim): readonly [partition: string, level: Level] =>
  JSON.parse(payload as string) as [string, Level]

test.each([
  [1, 2_000],
  [10, 300],
  [100, 60],
])('ten partitions of very different load share as their weights say (claims of %i)', async (size, times) => {
  const rig = new Rig()
  await rig.open()
  const weights = [1, 1, 1, 2, 2, 3, 3, 4, 5, 8]
  const sum = weights.reduce((total, weight) => total + weight, 0)
  for (const [index, weight] of weights.entries()) {
    await rig.store.configurePartition({ partition: `p${index}`, weight })
    // those with the least weight have the most to do
    for (let left = 4_000 - index * 50; left > 0; left -= 1_000)
      await rig.add(`p${index}`, 2, Math.min(left, 1_000))
  }
  const counts = weights.map(() => 0)
  let all = 0
  for (let n = 0; n < times; n++) {
    for (const claim of await rig.claim(size)) {
      counts[Number(ownerOf(claim)[0].slice(1))]! += 1
      all += 1
    }
  }
  for (const [index, weight] of weights.entries()) {
    const expected = (all * weight) / sum
    expect(Math.abs(counts[index]! - expected) / expected, `the share of p${index}`).toBeLessThan(0.05)
  }
})

test('whoever is next in its partition waits for a bounded number of starts, on every level', async () => {
  const rig = new Rig()
  await rig.open()
  const partitions = 6
  const levels: readonly Level[] = [0, 1, 2, 3, 4]
  const weights = [16, 8, 4, 2, 1]
  for (const level of levels) for (let p = 0; p < partitions; p++) await rig.add(`p${p}`, level, 1_000)
  const last = new Map<string, number>()
  const longest = new Map<Level, number>()
  for (let n = 0; n < 31 * partitions * 4; n++) {
    const [claim] = await rig.claim(1)
    const [partition, level] = ownerOf(claim!)
    const key = `${partition} ${level}`
    longest.set(level, Math.max(longest.get(level) ?? 0, n - (last.get(key) ?? -1)))
    last.set(key, n)
  }
  for (const level of levels) {
    expect(last.size).toBe(levels.length * partitions)
    // one round of all partitions, at the pace that the level has; a draw may come as late as one round of the levels
    expect(longest.get(level)!).toBeLessThanOrEqual(Math.ceil((31 * partitions) / weights[level]!) + 31)
  }
})

test('the weight of the partition without a name is not that of tasks without a partition', async () => {
  const rig = new Rig()
  await rig.open()
  await rig.store.configurePartition({ partition: '', weight: 10 })
  await rig.add(null, 2, 100)
  await rig.add('other', 2, 100)
  const claims = await rig.claim(40)
  expect(claims.filter(({ partition }) => partition === null)).toHaveLength(20)
})
