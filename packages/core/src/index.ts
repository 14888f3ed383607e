/**
 * Millrace: a distributed task queue.
 */
export { defineTask, TaskDefinition } from './task/definition.ts'
export type { AnyTask, InputArguments, TaskOptions, TaskTypes } from './task/definition.ts'
export type { DeadLetter, DeadLetterTask } from './task/dead-letter.ts'
export { Draft } from './task/draft.ts'
export type { Dependency, EnqueueOptions, TaskReference } from './task/draft.ts'
export { BatchHandler, fail, Failure } from './task/batch.ts'
export type { BatchContext, BatchFunction, BatchOptions, BatchSettings } from './task/batch.ts'
export { chain, chord, Flow, group } from './task/flow.ts'
export type { AnyFlow, FlowNode, FlowTypes, GroupCallbacks, Misfit, Startable, Step } from './task/flow.ts'
export { duration } from './task/duration.ts'
export type { Duration } from './task/duration.ts'
export * from './task/errors.ts'
export { NonRetryableError, RetryAfterError, SnoozeError } from './task/control-flow.ts'
export { exportedHandlers } from './task/exported-handlers.ts'
export { Handler } from './task/handler.ts'
export type {
  AbortCode,
  AnyHandler,
  ChildHandle,
  ChildOptions,
  Context,
  HandlerFunction,
  HandlerOptions,
  InlineOptions,
  ProcessOptions,
  TaskInfo,
  ThreadOptions,
} from './task/handler.ts'
export { taskId } from './task/ids.ts'
export { currentTask } from './task/current-task.ts'
export type { Logger, LogLevel } from './task/logger.ts'
export { checkMembers } from './task/members.ts'
export type { Members } from './task/members.ts'
export type { EnqueueCall, Plugin, PluginDraft, RunCall } from './task/plugin.ts'
export { PRIORITIES } from './task/options.ts'
export type {
  CustomRetry,
  ExponentialRetry,
  FailedAttempt,
  FixedRetry,
  ListedRetry,
  Priority,
  RetryOptions,
  SharedOptions,
  UniqueCall,
  UniqueHold,
  UniqueOptions,
  UniqueThen,
} from './task/options.ts'
export type {
  Handles,
  Taken,
  TransactionalContext,
  TransactionWork,
  Within,
  WithinHandler,
} from './task/transaction.ts'
export { defineSchedule } from './task/schedule-options.ts'
export type {
  CronTimes,
  IntervalTimes,
  RunOptionsOfSchedule,
  ScheduleDefinition,
  ScheduleOptions,
  ScheduleTimes,
  ScheduleTurns,
} from './task/schedule-options.ts'
export type { Scheduled } from './task/scheduled.ts'
export { json } from './task/codecs/codec.ts'
export type { Codec, PayloadPlace, Seal } from './task/codecs/codec.ts'
export { richJson } from './task/codecs/rich-json.ts'
export { messagePack } from './task/codecs/message-pack.ts'
export type { MessagePackLibrary } from './task/codecs/message-pack.ts'
export { compressed } from './task/codecs/compressed.ts'
export type { CompressionOptions } from './task/codecs/compressed.ts'
export { encrypted } from './task/codecs/encrypted.ts'
export type { EncryptionOptions } from './task/codecs/encrypted.ts'
export type { Upcast, Upcasts, VersionOptions } from './task/versions.ts'
export { unchecked } from './task/schema.ts'
export type { InputOf, OutputOf, Schema } from './task/schema.ts'

export { Mill } from './client/mill.ts'
export type { FlowHandles } from './client/flow-plan.ts'
export type { CloseOptions, MillOptions } from './client/mill.ts'
export type { Served, ServedBudgets, ServedUpkeep } from './client/served.ts'
export { TransactionalMill } from './client/transactional-mill.ts'
export type { BulkAnswer, RejectedDraft } from './client/enqueuer.ts'
export { TaskHandle } from './client/handle.ts'
export type { Enqueued, EnqueuedHandle, ResultOptions, Settled } from './client/handle.ts'
export type { EventsOptions, GapEvent, MillEvent, TaskEvent, TaskEventType } from './client/events.ts'
export type { TaskUpdate, UpdatesOptions } from './client/updates.ts'
export type {
  BudgetControl,
  BudgetOptions,
  BudgetReference,
  BudgetStatus,
  QuotaOptions,
} from './client/budget-control.ts'
export type {
  BreakerControl,
  BreakerInfo,
  LimitControl,
  LimitReference,
  LimitSetting,
  PartitionControl,
} from './client/flow-control.ts'
export type {
  BreakerOptions,
  BreakerOutcome,
  FlowOptions,
  LimitOptions,
  PartitionOptions,
  RateOptions,
} from './task/flow-options.ts'
export type { WorkerHealth, WorkerState } from './worker/health.ts'
export type { WorkerMetrics } from './worker/metrics.ts'
export type { LoopDelay } from './platform/loop.ts'
export type { Examination, ExamineOptions, Finding } from './client/examiner.ts'
export type { Explanation } from './client/explainer.ts'
export type { Clause } from './policy/explanation/explain.ts'
export type { Estimate } from './policy/explanation/estimate.ts'
export type { Kin, Parent } from './policy/explanation/facts.ts'
export type { Reason } from './policy/explanation/reasons.ts'
export type { Defect } from './policy/examination.ts'
export type { Remedy } from './store/audit.ts'
export type { Misfitting, PayloadCheck } from './client/payload-checker.ts'
export type { SchemaChange } from './worker/fingerprints.ts'
export type { Lock } from './client/lock.ts'
export type { HeldLock } from './client/lock-status.ts'
export type { LockOptions } from './client/locker.ts'
export type {
  QueueControl,
  QueueOptions,
  RetentionOptions,
  WorkerControl,
  WorkerStatus,
  PauseOptions,
} from './client/queue-control.ts'
export type {
  BackfillOptions,
  PreviewedFire,
  ScheduleControl,
  SyncResult,
} from './client/schedule-control.ts'
export type { Schedule } from './client/schedule-status.ts'
export type { ShownState, TaskListItem, TaskStatus } from './client/status.ts'
export type { DeadGroup } from './client/dead-groups.ts'
export type { TaskChanges } from './client/changes.ts'
export type {
  ActionOptions,
  CancelOptions,
  CommandResult,
  DeadOptions,
  ListOptions,
  RetryCommandOptions,
  TaskControl,
  TaskPage,
  TaskTarget,
} from './client/task-control.ts'
export type { TaskQuery } from './client/task-filter.ts'

export { AbortError } from './worker/run.ts'
export type { Worker } from './worker/worker.ts'
export type { Elsewhere } from './worker/elsewhere.ts'
export type { RunOptions, StopOptions } from './worker/commands.ts'
export type { NamedWorkerEvent, WorkerEvents } from './worker/events.ts'
export { handlersByType } from './worker/options.ts'
export type { HandlerSource, WorkerOptions } from './worker/options.ts'
export type { ResourceOptions } from './worker/resource-options.ts'
export type { IsolateOptions } from './worker/isolates/options.ts'

export type { Platform, Timer } from './platform/platform.ts'
export { systemPlatform } from './platform/system.ts'
export { MemoryStore } from './store/memory/store.ts'
export type { Store } from './store/port.ts'
export type { TransactionalStore } from './store/transactions.ts'
