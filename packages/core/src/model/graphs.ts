/**
 * For authors of backends: random graphs of tasks, of which some fail, are cancelled or removed. No task may be left
 * waiting, and each one's end must follow from the ends of its parents. What follows is said here once more, by other
 * words than those of any store.
 */
import fc from 'fast-check'
import { equal, holds } from '../conformance/expect.ts'
import { Scene } from '../conformance/scene.ts'
import { demandOf, fail, succeed, type Worker } from '../conformance/worker.ts'
import type { ModelHome } from './side.ts'
import type { Claim, Edge, IfFailed, TaskId, TaskRecord } from '../store/records.ts'
import type { Settlement } from '../store/settlement.ts'

/** How many graphs `checkGraphs` plays, and which. */
export interface GraphOptions {
  /** How many graphs are played, each on tasks of its own. */
  readonly runs: number
  /** The largest graph, in tasks. Default 14. */
  readonly tasksMax?: number | undefined
  readonly seed?: number | undefined
  readonly path?: string | undefined
}

/** One task of a graph. */
export interface GraphNode {
  /** What becomes of it if it comes to run, or is not let to. */
  readonly fate: 'succeed' | 'fail' | 'cancel' | 'remove'
  /** How many tasks stand between it and each parent, and what that parent's failure means. */
  readonly parents: readonly { readonly back: number; readonly ifFailed: IfFailed }[]
  /** How many of the tasks before it are let run before it is added. */
  readonly addedAfter: 'all of its group' | 'one claim' | 'many claims'
}

const node: fc.Arbitrary<GraphNode> = fc.record({
  fate: fc.oneof(
    { weight: 6, arbitrary: fc.constant('succeed' as const) },
    { weight: 3, arbitrary: fc.constant('fail' as const) },
    { weight: 1, arbitrary: fc.constantFrom('cancel', 'remove') },
  ),
  parents: fc.uniqueArray(
    fc.record({
      back: fc.integer({ min: 1, max: 6 }),
      ifFailed: fc.constantFrom('cancel', 'fail', 'run', 'trigger'),
    }),
    { maxLength: 4, selector: ({ back }) => back },
  ),
  addedAfter: fc.oneof(
    { weight: 5, arbitrary: fc.constant('all of its group' as const) },
    { weight: 1, arbitrary: fc.constantFrom('one claim', 'many claims') },
  ),
})

/**
 * Plays random graphs on a home.
 *
 * @throws an error that says the seed and the path of the graph that failed, and the graph, made as small as could be
 */
export async function checkGraphs(home: ModelHome, options: GraphOptions): Promise<void> {
  const { runs, tasksMax = 14, seed, path } = options
  const { store } = home
  const scene = new Scene({ store, open: async () => store, shiftClock: (ms) => home.shiftClock(ms) })
  const worker = await scene.worker()
  const graphs = fc.array(node, { minLength: 1, maxLength: tasksMax, size: 'max' })
  const property = fc.asyncProperty(graphs, (nodes) => new Graph(scene, worker, nodes).play())
  const drawn = { ...(seed === undefined ? {} : { seed }), ...(path === undefined ? {} : { path }) }
  const details = await fc.check(property, { numRuns: runs, ...drawn })
  if (!details.failed) return
  const { counterexamplePath, counterexample, errorInstance } = details
  const why = errorInstance instanceof Error ? errorInstance.message : String(errorInstance)
  const nodes = (counterexample?.[0] ?? []).map((one, index) => `  ${index}: ${JSON.stringify(one)}`)
  throw new Error([`{ seed: ${details.seed}, path: '${counterexamplePath}' }: ${why}`, ...nodes].join('\n'), {
    cause: errorInstance,
  })
}

/** How a task has ended, or `null` while it lives. One that was removed counts as cancelled. */
type End = 'succeeded' | 'failed' | 'cancelled' | null

interface Planned extends GraphNode {
  readonly id: TaskId
  readonly after: readonly Edge[]
}

class Graph {
  readonly #scene: Scene
  readonly #worker: Worker
  readonly #tasks: readonly Planned[]
  readonly #ran = new Set<TaskId>()

  constructor(scene: Scene, worker: Worker, nodes: readonly GraphNode[]) {
    this.#scene = scene
    this.#worker = worker
    const ids = nodes.map(() => scene.id())
    this.#tasks = nodes.map((one, index) => {
      const parents = one.parents.filter(({ back }) => back <= index)
      const after = parents.map(({ back, ifFailed }) => ({ parent: ids[index - back]!, ifFailed }))
      return { ...one, id: ids[index]!, after }
    })
  }

  async play(): Promise<void> {
    let group: Planned[] = []
    for (const task of this.#tasks) {
      if (task.addedAfter !== 'all of its group') {
        await this.#add(group)
        group = []
        await this.#work(task.addedAfter === 'one claim' ? 1 : 3)
      }
      group.push(task)
    }
    await this.#add(group)
    // each round runs at least one task: more rounds than tasks would mean that some runs twice
    for (let round = 0; (await this.#work(5)) > 0; round++)
      holds(round <= this.#tasks.length, 'the graph does not come to rest')
    const records = await this.#look()
    for (const task of this.#tasks) this.#check(task, records)
  }

  async #add(group: readonly Planned[]): Promise<void> {
    if (group.length === 0) return
    await this.#scene.addAll(group.map(({ id, after }) => this.#scene.spec({ id, after })))
    for (const { id, fate } of group) {
      if (fate === 'cancel') await this.#scene.cancel(id)
      if (fate === 'remove') await this.#scene.remove(id)
    }
  }

  /** @returns how many tasks were run */
  async #work(most: number): Promise<number> {
    const claims = await this.#worker.claim(most)
    const records = await this.#look()
    for (const claim of claims) this.#checkStart(claim, records)
    const settlements = claims.map((claim): Settlement => {
      const planned = this.#tasks.find(({ id }) => id === claim.id)!
      return this.#worker.settlement(claim, planned.fate === 'fail' ? fail() : succeed())
    })
    const { undelivered } = await this.#worker.exchange({ settlements, demand: demandOf(0) })
    if (undelivered) await this.#scene.deliver()
    return claims.length
  }

  async #look(): Promise<ReadonlyMap<TaskId, TaskRecord | null>> {
    const ids = this.#tasks.map(({ id }) => id)
    const records = await this.#scene.store.get(ids)
    return new Map(ids.map((id, index) => [id, records[index]!]))
  }

  /** What runs has waited for everything that it had to wait for. */
  #checkStart({ id }: Claim, records: ReadonlyMap<TaskId, TaskRecord | null>): void {
    holds(!this.#ran.has(id), 'a task ran twice')
    this.#ran.add(id)
    const { after } = this.#tasks.find((task) => task.id === id)!
    const end = (parent: TaskId): End => endOf(records.get(parent) ?? null)
    const triggers = after.filter(({ ifFailed }) => ifFailed === 'trigger').map(({ parent }) => end(parent))
    const others = after.filter(({ ifFailed }) => ifFailed !== 'trigger')
    for (const { parent, ifFailed } of others) {
      holds(end(parent) !== null, 'a task ran before a parent had ended')
      holds(end(parent) === 'succeeded' || ifFailed === 'run', 'a task ran though a parent did not succeed')
    }
    const failed = triggers.some((one) => one === 'failed' || one === 'cancelled')
    holds(triggers.length === 0 || failed, 'a task ran though none of its triggers had failed')
  }

  /** Its end follows from those of its parents, and what they left open from its own fate. */
  #check({ id, fate, after }: Planned, records: ReadonlyMap<TaskId, TaskRecord | null>): void {
    const record = records.get(id) ?? null
    const actual = endOf(record)
    const story = `task ${this.#tasks.findIndex((task) => task.id === id)} is ${record?.state ?? 'gone'}`
    holds(actual !== null, `${story}: it is stuck`)
    const possible = new Set<End>()
    for (const { parent, ifFailed } of after) {
      if (endOf(records.get(parent) ?? null) === 'succeeded') continue
      if (ifFailed === 'cancel') possible.add('cancelled')
      if (ifFailed === 'fail') possible.add('failed')
    }
    const triggers = after.filter(({ ifFailed }) => ifFailed === 'trigger')
    if (
      triggers.length > 0 &&
      triggers.every(({ parent }) => endOf(records.get(parent) ?? null) === 'succeeded')
    )
      possible.add('cancelled')
    const prevented = possible.size > 0
    if (fate === 'cancel' || fate === 'remove') possible.add('cancelled')
    else if (!prevented) possible.add(fate === 'fail' ? 'failed' : 'succeeded')
    holds(possible.has(actual), `${story}, and could be ${[...possible].join(' or ')}`)
    const runs = !prevented && (fate === 'succeed' || fate === 'fail')
    equal(this.#ran.has(id), runs, `${story}: its having run`)
    if (prevented && record?.state === 'failed') equal(record.reason, 'dependency', `${story}: the reason`)
  }
}

function endOf(record: TaskRecord | null): End {
  if (record === null) return 'cancelled'
  const { state } = record
  return state === 'succeeded' || state === 'failed' || state === 'cancelled' ? state : null
}
