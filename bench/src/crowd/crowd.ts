/** 64 producers and four workers on few keys, some of them killed again and again; and who held what, and when. */
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '@millrace/core/simulation'
import { connect, type Mill, type TaskListItem } from 'millrace'
import { Crew } from '../../../test/processes/crew.ts'
import { stageOf, type Engine } from '../../../test/servers/stage.ts'
import { Journal } from './journal.ts'
import type { PlayName } from './play.ts'
import type { Part, Told } from './protocol.ts'

const CHILD = new URL('./child.ts', import.meta.url)

const PRODUCERS = 64
const PRODUCER_PROCESSES = 2
const WORKERS = 4
/** How long all tasks may take once nobody is killed any more. */
const END_MS = 120_000
const LOOK_MS = 200

export interface Plan {
  readonly play: PlayName
  readonly engine: Engine
  readonly kills: number
  /** Time between two kills, on average. */
  readonly everyMs: number
  readonly seed: number
}

/** All that is left of a crowd: what its processes told, and what the store holds. */
export interface Scene {
  readonly mill: Mill
  readonly journal: Journal
  readonly tasks: readonly TaskListItem[]
}

/** @param judge looks at what happened, while the store is still there */
export async function gather<T>(
  { play, engine, kills, everyMs, seed }: Plan,
  judge: (scene: Scene) => Promise<T>,
): Promise<T> {
  await using stage = await stageOf(engine)
  const { url } = stage
  await using mill = await connect(url)
  // nothing is forgotten before it was looked at
  const retention = { succeeded: false, cancelled: false, failed: false, bytes: false } as const
  await mill.queues.configure('default', { retention })
  const journal = new Journal()
  using crew = new Crew<Part, Told>(partsOf(play, url), { script: CHILD, hear: journal.hear })
  await crew.ready()
  const random = seededRandom(seed)
  for (let kill = 0; kill < kills; kill++) {
    await sleep(everyMs * (0.5 + random.fraction()))
    await crew.strike(random.fraction())
  }
  await sleep(everyMs)
  await crew.dismiss(({ role }) => role === 'producer')
  await drained(mill)
  await crew.dismiss(({ role }) => role === 'worker')
  return await judge({ mill, journal, tasks: await allTasks(mill) })
}

function partsOf(play: PlayName, url: string): readonly Part[] {
  const callers = PRODUCERS / PRODUCER_PROCESSES
  return [
    ...Array.from({ length: PRODUCER_PROCESSES }, (): Part => ({ role: 'producer', play, url, callers })),
    ...Array.from({ length: WORKERS }, (): Part => ({ role: 'worker', play, url, callers: 0 })),
  ]
}

async function drained(mill: Mill): Promise<void> {
  const end = performance.now() + END_MS
  for (;;) {
    const [queue] = await mill.queues.list()
    const { succeeded: _s, failed: _f, cancelled: _c, ...open } = queue!.counts
    if (Object.values(open).every((count) => count === 0)) return
    if (performance.now() > end) throw new Error(`Tasks are left: ${JSON.stringify(open)}.`)
    await sleep(LOOK_MS)
  }
}

async function allTasks(mill: Mill): Promise<readonly TaskListItem[]> {
  const all: TaskListItem[] = []
  let cursor: string | undefined
  do {
    const page = await mill.tasks.list({ limit: 1_000, cursor })
    all.push(...page.tasks)
    cursor = page.next
  } while (cursor !== undefined)
  return all
}
