/**
 * What travels between the main thread and the store's thread. The hot requests and answers are packed into
 * few flat values, because cloning an object per task costs more than everything else the main thread does;
 * the rest crosses as it is.
 */
import type { ErrorCode, StoreError } from '@millrace/core'
import type {
  AuditAnswer,
  AuditRequest,
  BudgetSettings,
  CommandAnswer,
  CommandRequest,
  DueSchedules,
  DueSoon,
  DueSoonRequest,
  GroupAnswer,
  Hint,
  LevelSlots,
  LimitsAnswer,
  LimitSettings,
  LimitsRequest,
  ListAnswer,
  ListRequest,
  LockAnswer,
  LockRecord,
  LockRequest,
  PartitionRecord,
  Port,
  PartitionSettings,
  Payload,
  PruneRequest,
  PublishedDefinition,
  QueueRecord,
  QueueSettings,
  ReclaimAnswer,
  ReclaimRequest,
  RecountAnswer,
  RenewAnswer,
  RenewRequest,
  SchedulePut,
  SchedulePutAnswer,
  ScheduleRecord,
  SessionRecord,
  SessionOrderRequest,
  SessionRequest,
  Settlement,
  SpendRequest,
  TaskGroup,
  TaskOutcome,
  Standing,
  StandingRequest,
  TaskRecord,
  Tick,
  TickAnswer,
  UpkeepAnswer,
  UpkeepRequest,
  UsageAnswer,
  UsageQuestion,
  Verdict,
  WaitingRoute,
} from '@millrace/core/store'

/** What tasks of one definition have in common. */
export interface Shape {
  readonly type: string
  readonly needs: readonly string[]
  readonly queue: string
  readonly level: number
  /** JSON [policy, timeoutMs]. */
  readonly terms: string
  /** As its row has it (lanes.ts); `null`: none. */
  readonly lane: string | null
}

/** Groups of plain tasks, which have no parents, no key, no gate, no fence, and nothing else that most tasks do without. */
export interface PlainTasks {
  readonly count: number
  /** How many of them each group has. */
  readonly groups: Uint32Array
  /** 16 bytes each. */
  readonly ids: Uint8Array
  /** 16 characters each. */
  readonly digests: string
  readonly shapes: readonly Shape[]
  /** Per task its shape. */
  readonly shapeOf: Uint16Array
  readonly payloads: string
  /** Length of each payload, in UTF-16 units. */
  readonly lengths: Uint32Array
}

/** An `add`, in order: runs of plain groups, and groups that need a closer look. */
export type AddPart = { readonly plain: PlainTasks } | { readonly group: TaskGroup }

export interface PackedAdd {
  readonly parts: readonly AddPart[]
}

/** Per part: `null`, every group of it was added and every task created; else the answer of each group. */
export interface PackedAddAnswer {
  readonly parts: readonly (readonly GroupAnswer[] | null)[]
}

/** Successes under fences that differ in nothing but the task. */
export interface Successes {
  readonly count: number
  /** `1,2,3`. */
  readonly seqs: string
  readonly epoch: number
  readonly nonce: string
  /** Number of the settlements. */
  readonly settled: number
  /** The one result of all, or one each; all are short texts. */
  readonly result: string | null | readonly (string | null)[]
}

export interface SingleSettlement {
  /** 0: not known here. */
  readonly seq: number
  readonly settlement: Settlement
}

export interface PackedDemand {
  /** Names the types and offers; they come along until the thread has said that it knows them by it. */
  readonly taste: number
  readonly types: readonly string[] | null
  readonly offers: readonly string[] | null
  readonly queues: readonly {
    readonly queue: string
    readonly slots: LevelSlots
    readonly tasksMax: number
  }[]
  readonly tasksMax: number
  readonly quantum: number
  readonly bytesMax: number
  readonly turn: string | null
}

export interface PackedExchange {
  readonly session: string
  readonly nonce: string
  /** Whether this may be the repeat of an exchange. */
  readonly again: boolean
  readonly known: Known
  readonly successes: readonly Successes[]
  readonly singles: readonly SingleSettlement[]
  readonly demand: PackedDemand | null
}

/**
 * Claims from one level of one queue, as SQL put them together: lists separated by commas, or one number
 * where it is the same for all.
 */
export interface ClaimBundle {
  /** Bundles of one level come `in line`, to be merged by that, or as they took `turns`. */
  readonly order: 'in line' | 'turns'
  readonly count: number
  readonly queue: string
  readonly level: number
  readonly seqs: string
  /** 16 bytes each. */
  readonly ids: Uint8Array
  /** Where each stands in its lane: its due time, unless an extra says that this is another one. */
  readonly ords: string
  /** How long after it was enqueued that is. */
  readonly delays: string | number
  readonly terms: string | number
  readonly routes: string | number
  /** The partition of each or null, as JSON; `null`: none has one. */
  readonly partitions: string | null
  /** Separated by `SEPARATOR`; empty where the payload is apart. */
  readonly payloads: string
  /** What is out of the ordinary, by the position in the bundle. */
  readonly extras: readonly ClaimExtra[]
}

export interface ClaimExtra {
  readonly at: number
  readonly epoch: number
  readonly counters: string | null
  readonly runAt: number
  readonly deadlineAt: number | null
  readonly parents: string | null
  readonly labels: string | null
  readonly payload: Payload | null
  readonly checkpoint: Payload | null
}

/** Up to which keys somebody knows the names that claims refer to. */
export interface Known {
  readonly routes: number
  readonly terms: number
}

/** Names that the main thread has not met before. */
export interface Lesson {
  readonly routes: readonly { readonly key: number; readonly type: string }[]
  readonly terms: readonly { readonly key: number; readonly terms: string }[]
  readonly known: Known
}

export interface PackedExchangeAnswer {
  readonly now: number
  readonly session: 'alive' | 'dead'
  /** Per group of successes: `null`, all applied; else the verdict of each. */
  readonly successes: readonly (readonly Verdict[] | null)[]
  readonly singles: readonly Verdict[]
  readonly claimedAt: number
  readonly bundles: readonly ClaimBundle[]
  readonly lesson: Lesson | null
  /** The taste that is known now. */
  readonly taste: number | null
  readonly turn: string | null
  readonly nextInMs: number | null
  readonly undelivered: boolean
}

/** Everything that the thread does, by name. */
export interface Operations {
  add(request: PackedAdd): PackedAddAnswer
  exchange(request: PackedExchange): PackedExchangeAnswer
  reclaim(request: ReclaimRequest): ReclaimAnswer
  openSession(request: SessionRequest): { readonly session: 'alive' | 'dead'; readonly now: number }
  renew(request: RenewRequest): RenewAnswer
  orderSession(request: SessionOrderRequest): { readonly session: 'alive' | 'dead' }
  closeSession(session: string): null
  sweep(request: UpkeepRequest): UpkeepAnswer
  deliver(request: UpkeepRequest): UpkeepAnswer
  prune(request: PruneRequest): UpkeepAnswer
  command(request: CommandRequest): CommandAnswer
  configureQueue(request: QueueSettings): null
  configureLimit(request: LimitSettings): 'applied' | 'outdated'
  removeLimit(name: string): null
  limits(request: LimitsRequest): LimitsAnswer
  configurePartition(request: PartitionSettings): null
  partitions(): readonly PartitionRecord[]
  recount(): RecountAnswer
  audit(request: AuditRequest): AuditAnswer
  /** An audit that may write. */
  repair(request: AuditRequest): AuditAnswer
  configureBudget(request: BudgetSettings): 'applied' | 'too-many'
  budgets(): readonly BudgetSettings[]
  usage(questions: readonly UsageQuestion[]): UsageAnswer
  spend(request: SpendRequest): null
  openGate(gate: string): { readonly fate: 'open' | 'gone'; readonly more: boolean }
  putSchedule(request: SchedulePut): SchedulePutAnswer
  removeSchedule(name: string): 'removed' | 'unknown'
  schedule(name: string): ScheduleRecord | null
  schedules(request: { readonly after: string | null; readonly limit: number }): readonly ScheduleRecord[]
  dueSchedules(request: { readonly max: number }): DueSchedules
  tick(request: Tick): TickAnswer
  acquireLock(request: LockRequest): LockAnswer
  renewLock(request: Pick<LockRequest, 'name' | 'holder' | 'ttlMs'>): 'held' | 'lost'
  releaseLock(request: Pick<LockRequest, 'name' | 'holder'>): 'released' | 'lost'
  locks(): readonly LockRecord[]
  get(ids: readonly string[]): readonly (TaskRecord | null)[]
  outcomes(request: {
    readonly ids: readonly string[]
    readonly bytesMax: number
  }): readonly (TaskOutcome | 'later' | null)[]
  list(request: ListRequest): ListAnswer
  queues(): readonly QueueRecord[]
  waitingRoutes(): readonly WaitingRoute[]
  dueSoon(request: DueSoonRequest): readonly DueSoon[]
  standing(request: StandingRequest): Standing | null
  sessions(): readonly SessionRecord[]
  definitions(): readonly PublishedDefinition[]
  now(): number
  shiftClock(ms: number): null
  watch(on: boolean): null
  lodge(heart: Port): null
  close(): null
}

export type OperationName = keyof Operations

/** From the main thread, in lists: what is called in one turn travels together. */
export interface Call {
  readonly call: number
  readonly operation: OperationName
  readonly request: unknown
}

export interface Failure {
  readonly message: string
  readonly code: ErrorCode | null
  readonly effect: StoreError['effect']
  readonly hint: string | undefined
  readonly cause: string | undefined
}

/** What became of a call. */
export type Answer =
  | { readonly call: number; readonly answer: unknown }
  | { readonly call: number; readonly failure: Failure }

/** From the thread. Answers of one commit come together, and with them the hint about it. */
export type Report =
  | { readonly kind: 'opened' }
  | { readonly kind: 'refused'; readonly failure: Failure }
  | { readonly kind: 'answers'; readonly answers: readonly Answer[]; readonly hint: Hint | null }
