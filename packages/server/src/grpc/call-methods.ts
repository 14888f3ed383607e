/** Which RPC each call is. */
import { EventService } from '../wire/generated/millrace/v1/event_service_pb.ts'
import { FleetService } from '../wire/generated/millrace/v1/fleet_service_pb.ts'
import { LimitService } from '../wire/generated/millrace/v1/limit_service_pb.ts'
import { QueueService } from '../wire/generated/millrace/v1/queue_service_pb.ts'
import { ScheduleService } from '../wire/generated/millrace/v1/schedule_service_pb.ts'
import { TaskService } from '../wire/generated/millrace/v1/task_service_pb.ts'
import type { DescMethod, DescService } from '@bufbuild/protobuf'

const tasks = TaskService.method
const queues = QueueService.method
const schedules = ScheduleService.method
const limits = LimitService.method
const fleet = FleetService.method

/** By the name of the call. */
export const CALL_METHODS: Readonly<Record<string, DescMethod>> = {
  'tasks.enqueue': tasks.enqueue,
  'tasks.enqueueMany': tasks.enqueueMany,
  'tasks.list': tasks.listTasks,
  'tasks.get': tasks.getTask,
  'tasks.result': tasks.getResult,
  'tasks.history': tasks.getHistory,
  'tasks.explain': tasks.explainTask,
  'tasks.cancel': tasks.cancelTask,
  'tasks.retry': tasks.retryTask,
  'tasks.edit': tasks.editTask,
  'tasks.setPriority': tasks.setPriority,
  'tasks.hold': tasks.holdTask,
  'tasks.release': tasks.releaseTask,
  'tasks.remove': tasks.removeTask,
  'tasks.act': tasks.actOnTasks,
  'tasks.dead': tasks.listDeadLetters,
  'queues.list': queues.listQueues,
  'queues.get': queues.getQueue,
  'queues.pause': queues.pauseQueue,
  'queues.resume': queues.resumeQueue,
  'queues.configure': queues.configureQueue,
  'schedules.list': schedules.listSchedules,
  'schedules.put': schedules.putSchedule,
  'schedules.get': schedules.getSchedule,
  'schedules.pause': schedules.pauseSchedule,
  'schedules.resume': schedules.resumeSchedule,
  'schedules.trigger': schedules.triggerSchedule,
  'schedules.backfill': schedules.backfillSchedule,
  'schedules.preview': schedules.previewSchedule,
  'schedules.previewTimes': schedules.previewTimes,
  'schedules.remove': schedules.removeSchedule,
  'limits.list': limits.listLimits,
  'limits.put': limits.putLimit,
  'limits.remove': limits.removeLimit,
  'breakers.list': limits.listBreakers,
  'breakers.trip': limits.tripBreaker,
  'breakers.reset': limits.resetBreaker,
  'partitions.list': limits.listPartitions,
  'partitions.put': limits.putPartition,
  'budgets.list': limits.listBudgets,
  'budgets.put': limits.putBudget,
  'budgets.remove': limits.removeBudget,
  'locks.list': limits.listLocks,
  'workers.list': fleet.listWorkers,
  'workers.drain': fleet.drainWorker,
  'workers.stop': fleet.stopWorker,
  'workers.resize': fleet.resizeWorker,
  'definitions.list': fleet.listDefinitions,
  'stats.get': fleet.getStats,
}

/** By the name of the stream. */
export const STREAM_METHODS: Readonly<Record<string, DescMethod>> = {
  'events.watch': EventService.method.watchEvents,
  'tasks.updates': EventService.method.followTask,
}

/** All services whose methods are calls or streams. */
export const CALL_SERVICES: readonly DescService[] = [
  TaskService,
  QueueService,
  ScheduleService,
  LimitService,
  FleetService,
  EventService,
]
