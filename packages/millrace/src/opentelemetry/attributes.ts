/**
 * The names of attributes, by the semantic conventions for messaging. Those are not stable yet, and so the library that has
 * them is none to depend on: here is what is used of them.
 */
export const ATTRIBUTE = {
  system: 'messaging.system',
  destination: 'messaging.destination.name',
  operationType: 'messaging.operation.type',
  operationName: 'messaging.operation.name',
  messageId: 'messaging.message.id',
  batchCount: 'messaging.batch.message_count',
  errorType: 'error.type',
  /** The name of the definition; of several `mixed`. */
  taskType: 'millrace.task.type',
  /** 1 for the first. */
  attempt: 'millrace.task.attempt',
  schedule: 'millrace.schedule.name',
  /** Of a call that enqueued many: how many of them were refused. */
  rejected: 'millrace.rejected_count',
} as const

export const SYSTEM = 'millrace'
