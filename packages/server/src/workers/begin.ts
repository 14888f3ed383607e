/** What a worker of another language says when it begins, checked, as options of a worker of ours. */
import {
  defineTask,
  InvalidArgumentError,
  unchecked,
  type Schema,
  type TaskDefinition,
  type TaskTypes,
  type WorkerOptions,
} from '@millrace/core'
import { millisecondsOf } from './replies.ts'
import type {
  RunRequest_Begin,
  RunRequest_Definition,
} from '../wire/generated/millrace/v1/worker_service_pb.ts'
import type { Caller } from '../access/caller.ts'

/** Of its input only the worker knows what it is. */
type ForeignTask = TaskDefinition<string, TaskTypes>

export interface ForeignOptions extends Pick<WorkerOptions, 'queues' | 'concurrency' | 'offers' | 'name'> {
  readonly definitions: readonly ForeignTask[]
  /** Whose tasks it runs, or publishes definitions for: its credential has to hold for each. */
  readonly served: readonly string[]
  readonly leaseMs: number
}

const LEASE_DEFAULT_MS = 15_000
/** What it has at once waits for it here, payloads and all. */
const CONCURRENCY_MAX = 1_000
const TASKS_MAX = 1_000

/** @throws InvalidArgumentError, AccessError */
export function optionsOf(begin: RunRequest_Begin, caller: Caller): ForeignOptions {
  const { tasks, concurrency, offers, name } = begin
  if (tasks.length === 0 || tasks.length > TASKS_MAX)
    throw new InvalidArgumentError(`The worker names ${tasks.length} tasks that it can run.`, {
      hint: `Name at least one, and ${TASKS_MAX} at most.`,
    })
  const definitions = tasks.map(definitionOf)
  const given = Object.keys(begin.queues).length > 0
  const published = definitions.map(({ options }) => options.queue)
  const served = [...new Set([...Object.keys(begin.queues), ...published])]
  for (const queue of served) caller.require('work', queue)
  const sum = Object.values(begin.queues).reduce((total, slots) => total + slots, 0)
  if (Math.max(concurrency, sum) > CONCURRENCY_MAX)
    throw new InvalidArgumentError(`The worker has ${Math.max(concurrency, sum)} slots.`, {
      hint: `It has ${CONCURRENCY_MAX} at most: open another stream for more.`,
    })
  return {
    definitions,
    served,
    queues: given ? begin.queues : undefined,
    concurrency: concurrency === 0 ? undefined : concurrency,
    offers,
    name: name === '' ? caller.name : name,
    leaseMs: millisecondsOf(begin.lease) ?? LEASE_DEFAULT_MS,
  }
}

function definitionOf(given: RunRequest_Definition): ForeignTask {
  const { type, queue, attempts, timeout, schema } = given
  return defineTask(type, {
    input: schema === '' ? unchecked<unknown>() : withSchema(type, schema),
    queue: queue === '' ? undefined : queue,
    retry: {
      attempts: attempts === 0 ? undefined : attempts,
      base: millisecondsOf(given.baseDelay),
      max: millisecondsOf(given.maxDelay),
    },
    timeout: millisecondsOf(timeout),
  })
}

/** The worker checks its inputs itself; who enqueues by name is told what they look like. */
function withSchema(type: string, text: string): Schema<unknown, unknown> {
  const schema = parsed(type, text)
  return {
    '~standard': {
      version: 1,
      vendor: 'millrace',
      validate: (value: unknown) => ({ value }),
      jsonSchema: { input: () => schema },
    },
  } as const
}

function parsed(type: string, text: string): Record<string, unknown> {
  const problem = (cause?: unknown): InvalidArgumentError =>
    new InvalidArgumentError(`The schema of ${type} is no JSON Schema.`, {
      hint: 'Give an object, as JSON.',
      cause,
    })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw problem(error)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw problem()
  return value as Record<string, unknown>
}
