/** Turns steps into requests: the same ids and nonces for both sides, and to each the fences that it issued. */
import { byId, byTask, compare, holdingKey, type Side } from './side.ts'
import { commandOf } from './edits.ts'
import { demandOf, retentionOf, settlementOf, specOf, uuid, type Draft, type Placed } from './requests.ts'
import { SLOTS, UNIT, type GroupPlan, type Step } from './steps.ts'
import { tick } from './ticking.ts'
import { defectsOf } from '../conformance/soundness.ts'
import type { CommandRequest } from '../store/control.ts'
import type { Demand, Retention, TaskGroup } from '../store/port.ts'
import type { Claim, Fence, SessionId, TaskId } from '../store/records.ts'

/** What a step does to one side; the answer is compared. */
export type Act = (side: Side) => Promise<unknown>

interface Holding {
  readonly task: TaskId
  readonly key: string
  readonly nonce: string
  readonly epoch: number
  readonly worker: number
  /** Its first and last settlements but for their fences. */
  first: Draft | null
  last: Draft | null
}

interface WorkerLife {
  session: SessionId
  renewals: number
  dead: boolean
  lastClaim: { readonly nonce: string; readonly demand: Demand } | null
  lastReclaim: string | null
}

/** What both sides have in common: ids, nonces, and who holds what. */
export class Life {
  readonly ids: readonly TaskId[] = Array.from({ length: SLOTS }, (_, slot) => uuid(slot))
  readonly #holdings: Holding[] = []
  readonly #workers: WorkerLife[] = []
  readonly #gates: { name: string; at: number }[] = []
  readonly #known = new Set<number>()
  #lastCommand: (Pick<CommandRequest, 'nonce' | 'command'> & { readonly id: TaskId }) | null = null
  #drawn = 100
  #units = 0

  /** Whether a worker needs a new session, as far as it was told. */
  isDead(worker: number): boolean {
    return this.#workers[worker]?.dead !== false
  }

  plan(step: Step): Act | null {
    switch (step.kind) {
      case 'add':
        return this.#add(step.groups)
      case 'claim':
        return this.#claim(step)
      case 'settle':
        return this.#settle(step)
      case 'open':
        return this.#open(step.worker)
      case 'close':
        return this.#close(step.worker)
      case 'order':
        return this.#order(step)
      case 'renew':
        return this.#renew(step)
      case 'reclaim':
        return this.#reclaim(step)
      case 'command':
        return this.#command(step)
      case 'filter':
        return this.#filter(step)
      case 'gate': {
        const gate = this.#gate(step.gate)
        return (side) => side.store.openGate(gate)
      }
      case 'tick':
        return this.#tick(step)
      case 'pause': {
        const { queue, paused } = step
        return (side) => side.store.configureQueue({ queue, paused })
      }
      case 'limit': {
        const { name, concurrency, shut, version } = step
        const request = {
          nonce: this.#nonce(),
          name,
          version: version === 'any' ? null : 1,
          allowance: { concurrency, rate: null },
          shutMs: shut === null ? null : shut * UNIT,
          by: 'user' as const,
        }
        return (side) => side.store.configureLimit(request)
      }
      case 'lift':
        return (side) => side.store.removeLimit(step.name)
      case 'recount':
        return async (side) => (await side.store.recount()).mended
      case 'audit':
        return (side) => defectsOf(side.store, 7)
      case 'prune':
        return prune(retentionOf(step))
      case 'pass':
        this.#units += step.units
        return (side) => side.pass(step.units)
    }
  }

  #nonce(): string {
    return (this.#drawn++).toString(16).padStart(16, '0')
  }

  /** A gate is gone after an hour and forgotten after a day; in between it gets another name. */
  #gate(index: number): string {
    const gate = this.#gates[index]
    if (gate !== undefined && this.#units - gate.at < 100) return gate.name
    const name = uuid(this.#drawn++)
    this.#gates[index] = { name, at: this.#units }
    return name
  }

  #holding(index: number): Holding | undefined {
    const { length } = this.#holdings
    return length === 0 ? undefined : this.#holdings[length - 1 - (index % length)]
  }

  /** The newest that a late copy of an older settlement may be of. */
  #settledTwice(): Holding | undefined {
    return this.#holdings.findLast(({ first, last }) => first !== last)
  }

  #add(plans: readonly GroupPlan[]): Act {
    const groups = plans.map((plan) => ({
      tasks: this.#placed(plan),
      gate: plan.gate === null ? null : this.#gate(plan.gate),
      key: plan.under === null ? undefined : this.#holding(plan.under)?.key,
    }))
    return (side) =>
      side.store.add({
        // every id may have been used before
        again: true,
        groups: groups.map(({ tasks, gate, key }): TaskGroup => {
          const specs = tasks.map((placed) => specOf(placed, side.base))
          return { tasks: specs, gate, under: key === undefined ? null : side.fence(key) }
        }),
      })
  }

  /** Gives tasks their ids and their edges: to what stands before them, and rarely to what nobody knows. */
  #placed({ tasks, gate }: GroupPlan): readonly Placed[] {
    const within = new Set(tasks.map((task) => task.slot))
    const placed = tasks.map((plan, index): Placed => {
      const before = tasks.slice(0, index).map((task) => task.slot)
      const stands = (slot: number): boolean =>
        before.includes(slot) || (!within.has(slot) && (slot === 0 || this.#known.has(slot)))
      // what waits behind a gate has no other edge, and what has an edge no limit: which of its ends would come
      // first is left to the store
      const parents = gate === null ? plan.parents.filter(stands) : []
      const limit = gate === null && parents.length === 0 ? plan.limit : null
      // nothing is replaced behind a gate
      const { unique } = plan
      const kept = gate !== null && unique?.then === 'replace' ? { ...unique, then: 'keep' as const } : unique
      return {
        ...plan,
        limit,
        unique: kept,
        id: this.ids[plan.slot]!,
        after: parents.map((slot) => this.ids[slot]!),
      }
    })
    for (const slot of within) this.#known.add(slot)
    return placed
  }

  #worker(index: number): WorkerLife {
    return this.#workers[index]!
  }

  #open(index: number): Act {
    const fresh = (): WorkerLife => ({
      session: uuid(this.#drawn++),
      renewals: 0,
      dead: false,
      lastClaim: null,
      lastReclaim: null,
    })
    if (this.#workers[index]?.dead !== false) this.#workers[index] = fresh()
    const worker = this.#worker(index)
    const ttlMs = ttlOf(index)
    const request = {
      session: worker.session,
      ttlMs,
      host: 'h',
      pid: index,
      queues: [],
      types: [],
      offers: [],
      concurrency: 1,
      state: 'running',
    } as const
    return async (side) => {
      const answer = await side.store.openSession({ ...request, definitions: [] })
      worker.dead ||= answer.session === 'dead'
      return answer
    }
  }

  #order({ worker: index, end, concurrency }: Extract<Step, { kind: 'order' }>): Act {
    const worker = this.#worker(index)
    return (side) => side.store.orderSession({ session: worker.session, end, concurrency })
  }

  #close(index: number): Act {
    const worker = this.#worker(index)
    worker.dead = true
    return (side) => side.store.closeSession(worker.session)
  }

  #learn(side: Side, worker: number, fence: Fence): void {
    side.learn(fence)
    const key = holdingKey(fence.task, fence.nonce)
    const index = this.#holdings.findIndex((holding) => holding.key === key)
    if (index >= 0 && this.#holdings[index]!.epoch >= fence.epoch) return
    if (index >= 0) this.#holdings.splice(index, 1)
    this.#holdings.push({
      key,
      task: fence.task,
      nonce: fence.nonce,
      epoch: fence.epoch,
      worker,
      first: null,
      last: null,
    })
  }

  #learnClaims(side: Side, worker: number, claims: readonly Claim[]): void {
    for (const { id, epoch, nonce } of byId(claims)) this.#learn(side, worker, { task: id, epoch, nonce })
  }

  #claim(step: Extract<Step, { kind: 'claim' }>): Act {
    const worker = this.#worker(step.worker)
    const again = step.nonce === 'again' && worker.lastClaim !== null
    const { types, offers } = step
    const fresh = { nonce: this.#nonce(), demand: demandOf(types, offers, step.queues) }
    const request = again ? worker.lastClaim! : fresh
    worker.lastClaim = request
    return async (side) => {
      const answer = await side.store.exchange({
        session: worker.session,
        settlements: [],
        again,
        ...request,
      })
      worker.dead ||= answer.session === 'dead'
      this.#learnClaims(side, step.worker, answer.claims)
      return { ...answer, claims: byId(answer.claims) }
    }
  }

  #settle(step: Extract<Step, { kind: 'settle' }>): Act | null {
    const worker = this.#worker(step.worker)
    const chosen = new Map<TaskId, { readonly holding: Holding; readonly settlement: Draft }>()
    let again = false
    for (const plan of step.settlements) {
      const late = plan.number === 'late' ? this.#settledTwice() : undefined
      const holding = late ?? this.#holding(plan.holding)
      if (holding === undefined || chosen.has(holding.task)) continue
      const repeat = REPEATED[plan.number](holding)
      again ||= repeat !== null
      const { transition, note } = plan
      const settlement = repeat ?? { seq: (holding.last?.seq ?? 0) + 1, transition, note }
      holding.first ??= settlement
      if (repeat === null) holding.last = settlement
      chosen.set(holding.task, { holding, settlement })
    }
    if (chosen.size === 0) return null
    // ends other than success may cascade, at once or by and by: what could be claimed then is left open
    const plain = chosen.values().every(
      ({
        settlement: {
          transition: { to },
        },
      }) => to === 'succeeded' || to === 'running',
    )
    const demand = step.claim && plain ? demandOf(['work', 'mail'], ['gpu'], ['a', 'b']) : null
    const nonce = this.#nonce()
    if (demand !== null) worker.lastClaim = { nonce, demand }
    return async (side) => {
      const settlements = Array.from(chosen.values(), ({ holding, settlement }) =>
        settlementOf(settlement, side.fence(holding.key), side.base),
      )
      const answer = await side.store.exchange({ session: worker.session, nonce, again, settlements, demand })
      this.#learnClaims(side, step.worker, answer.claims)
      if (demand !== null) worker.dead ||= answer.session === 'dead'
      return { ...answer, claims: byId(answer.claims) }
    }
  }

  #renew(step: Extract<Step, { kind: 'renew' }>): Act {
    const worker = this.#worker(step.worker)
    if (step.number === 'next' || worker.renewals === 0) worker.renewals += 1
    const seq = worker.renewals
    const own = this.#holdings.filter((holding) => holding.worker === step.worker).slice(-20)
    const listed = own.filter(
      (_, index) => step.listed === 'all' || (step.listed === 'some' && index % 2 === 0),
    )
    const awaiting = step.awaiting ? [...new Set(own.slice(-3).map((holding) => holding.nonce))] : []
    return async (side) => {
      const held = listed.map((holding) => ({ fence: side.fence(holding.key), started: step.started }))
      const answer = await side.store.renew({
        session: worker.session,
        ttlMs: ttlOf(step.worker),
        seq,
        held: step.listed === 'blind' ? null : held,
        awaiting,
      })
      worker.dead ||= answer.session === 'dead'
      // what a dead session is told of its tasks is left to the store
      if (answer.session === 'dead') return answer.session
      return {
        ...answer,
        lost: answer.lost.toSorted((a, b) => compare(a.task, b.task)),
        cancelled: byTask(answer.cancelled),
      }
    }
  }

  #reclaim(step: Extract<Step, { kind: 'reclaim' }>): Act {
    const worker = this.#worker(step.worker)
    const again = step.nonce === 'again' && worker.lastReclaim !== null
    const nonce = again ? worker.lastReclaim! : this.#nonce()
    worker.lastReclaim = nonce
    return async (side) => {
      // half a unit: no boundary of it falls together with another
      const request = { session: worker.session, nonce, again, tasksMax: 1_000, graceMs: UNIT / 2 }
      const answer = await side.store.reclaim(request)
      worker.dead ||= answer.session === 'dead'
      const tasks = byTask(answer.tasks)
      for (const { fence } of tasks) this.#learn(side, step.worker, fence)
      return { ...answer, tasks }
    }
  }

  #command(step: Extract<Step, { kind: 'command' }>): Act | null {
    const known = [...this.#known]
    if (known.length === 0) return null
    const last = this.#lastCommand
    const again = step.nonce === 'again' && last !== null && last.command.kind !== 'remove'
    const fresh = {
      nonce: this.#nonce(),
      command: step.command,
      id: this.ids[known[step.slot % known.length]!]!,
    }
    const { nonce, command, id } = again ? last : fresh
    this.#lastCommand = { nonce, command, id }
    return (side) =>
      side.store.command({ nonce, command: commandOf(command, side), target: { ids: [id] }, tasksMax: 10 })
  }

  #tick({ task, overlap }: Extract<Step, { kind: 'tick' }>): Act {
    // it may get an edge, and then no limit (see above)
    const [placed] = this.#placed({
      tasks: [{ ...task, parents: [], limit: null }],
      gate: null,
      under: null,
    })
    return (side) => tick(side, placed!, overlap)
  }

  #filter({ command, queue, states }: Extract<Step, { kind: 'filter' }>): Act {
    const nonce = this.#nonce()
    // it may leave its mark where the last one left its own
    this.#lastCommand = null
    return (side) =>
      side.store.command({
        nonce,
        command,
        target: { filter: { queue, states }, cursor: null },
        tasksMax: 1_000,
      })
  }
}

/** What a settlement repeats, if anything. */
const REPEATED = {
  next: () => null,
  again: ({ last }: Holding) => last,
  late: ({ first }: Holding) => first,
} as const

function prune(retention: Retention): Act {
  return async (side) => {
    for (;;) if (!(await side.store.prune({ tasksMax: 1_000, retention })).more) return
  }
}

/** One lease is short, one is longer, one does not end. */
function ttlOf(worker: number): number {
  return [2, 5, 100_000][worker % 3]! * UNIT
}
