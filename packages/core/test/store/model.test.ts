/** The comparison of stores, tried on the memory store itself: with a clock that goes on, and with planted faults. */
import { describe, expect, test } from 'vitest'
import { systemPlatform } from '../../src/platform/system.ts'
import { MemoryStore } from '../../src/store/memory/store.ts'
import { checkGraphs } from '../../src/model/index.ts'
import { compareWithMemory, type ModelHome } from './model.ts'
import type {
  AddRequest,
  ExchangeAnswer,
  ExchangeRequest,
  RenewAnswer,
  RenewRequest,
  Tick,
  TickAnswer,
} from '../../src/store/port.ts'
import type { Edge, Fence } from '../../src/store/records.ts'

async function homeOf(store: MemoryStore): Promise<ModelHome> {
  await store.open()
  return { store, shiftClock: (ms) => store.shiftClock(ms), close: () => store.close() }
}

/** Settles by the id alone: whoever comes late takes the fence of whoever has the task now. */
class Unfenced extends MemoryStore {
  readonly #fences = new Map<string, Fence>()

  override async exchange(request: ExchangeRequest): Promise<ExchangeAnswer> {
    const settlements = request.settlements.map((settlement) => {
      return { ...settlement, fence: this.#fences.get(settlement.fence.task) ?? settlement.fence }
    })
    const answer = await super.exchange({ ...request, settlements })
    for (const { id, epoch, nonce } of answer.claims) this.#fences.set(id, { task: id, epoch, nonce })
    return answer
  }
}

/** Forgets that it was asked before. */
class Forgetful extends MemoryStore {
  override exchange(request: ExchangeRequest): Promise<ExchangeAnswer> {
    return super.exchange({ ...request, nonce: request.nonce.replace(/^0/, request.again ? 'f' : '0') })
  }
}

/** Counts every renewal as listing everything. */
class Trusting extends MemoryStore {
  override renew(request: RenewRequest): Promise<RenewAnswer> {
    return super.renew({ ...request, seq: 1 })
  }
}

/** Loses the gates of groups. */
class Gateless extends MemoryStore {
  override add(request: AddRequest): ReturnType<MemoryStore['add']> {
    return super.add({ ...request, groups: request.groups.map((group) => ({ ...group, gate: null })) })
  }
}

/** Lets runs of a schedule meet. */
class Careless extends MemoryStore {
  override tick(request: Tick): Promise<TickAnswer> {
    return super.tick({ ...request, overlap: 'allow' })
  }
}

describe('random lives', () => {
  test('are the same on a memory store whose clock goes on', async () => {
    const open = (): Promise<ModelHome> => homeOf(new MemoryStore({ platform: systemPlatform }))
    expect(await compareWithMemory(open, { runs: 300 })).toBe(undefined)
  }, 60_000)

  for (const Broken of [Unfenced, Forgetful, Trusting, Gateless, Careless]) {
    test(`tell a broken store: ${Broken.name}`, async () => {
      const check = compareWithMemory(() => homeOf(new Broken({ platform: systemPlatform })), {
        runs: 2_000,
        seed: 1,
      })
      // and the report leads back to the life
      const life = /^Play it again with MILLRACE_MODEL_SEED=1 MILLRACE_MODEL_PATH=[\d:]+$\n.*\n {2}\{"kind":/m
      await expect(check).rejects.toThrow(life)
    }, 60_000)
  }
})

/** Starts who is there for a failure after any end. */
class Patient extends MemoryStore {
  override add(request: AddRequest): ReturnType<MemoryStore['add']> {
    const edge = ({ parent, ifFailed }: Edge): Edge => ({
      parent,
      ifFailed: ifFailed === 'trigger' ? 'run' : ifFailed,
    })
    const groups = request.groups.map((group) => ({
      ...group,
      tasks: group.tasks.map((task) => ({ ...task, after: task.after.map(edge) })),
    }))
    return super.add({ ...request, groups })
  }
}

describe('random graphs', () => {
  test('2 000 come to rest, and each end follows from those of its parents', async () => {
    const home = await homeOf(new MemoryStore({ platform: systemPlatform }))
    expect(await checkGraphs(home, { runs: 2_000, seed: 4 })).toBe(undefined)
  }, 60_000)

  test('and large ones', async () => {
    const home = await homeOf(new MemoryStore({ platform: systemPlatform }))
    expect(await checkGraphs(home, { runs: 60, tasksMax: 120 })).toBe(undefined)
  }, 60_000)

  test('tell a store that takes a trigger for any other end', async () => {
    const home = await homeOf(new Patient({ platform: systemPlatform }))
    const graph = /^\{ seed: 1, path: '[\d:]+' \}: .*\n {2}0: \{"fate":/
    await expect(checkGraphs(home, { runs: 300, seed: 1 })).rejects.toThrow(graph)
  })
})
