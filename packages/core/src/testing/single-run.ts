/** One run of one handler, by the very code that runs it in a worker: there is no task of it in any store. */
import { attempt, unusable, type Attempted, type AttemptServices } from '../worker/attempt.ts'
import { attemptBatch } from '../worker/batch.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { checkTask, type AnyTask } from '../task/definition.ts'
import { IdMaker, newNonce } from '../task/ids.ts'
import { inputOf } from '../worker/input.ts'
import { inTheNameOf } from '../platform/attribution.ts'
import { InvalidArgumentError } from '../task/errors.ts'
import { isBatchHandler } from '../worker/gatherer.ts'
import { RemoteRun } from '../worker/isolates/remote-run.ts'
import { keptValue, resultPayload } from '../worker/result.ts'
import { resultIn } from '../client/handle.ts'
import { shown } from '../task/shown.ts'
import { specOf } from '../client/specs.ts'
import { validate } from '../task/schema.ts'
import type { AnyHandler } from '../task/handler.ts'
import type { Claim, TaskId, TaskOutcome, TaskSpec } from '../store/records.ts'
import type { EnqueueOptions } from '../task/draft.ts'
import type { Logger } from '../task/logger.ts'
import type { Mill } from '../client/mill.ts'
import type { Platform } from '../platform/platform.ts'
import type { Store } from '../store/port.ts'

/** What a handler that is run by itself is told of its task. */
export interface WorkOptions extends Pick<EnqueueOptions, 'tags' | 'metadata' | 'headers' | 'partition'> {
  /** Which attempt it is. Default 1. */
  readonly attempt?: number | undefined
  /** What `ctx.checkpointed` is: what an earlier attempt saved. */
  readonly checkpointed?: unknown
  /** The tasks before it, all of which have succeeded: what `ctx.results` and `ctx.result` read. Default: none. */
  readonly parents?: readonly Parent[] | undefined
}

/** A task that has succeeded. */
export interface Parent<D extends AnyTask = AnyTask> {
  readonly task: D
  readonly result: D['~task']['returned']
}

const MEMBERS: Members<WorkOptions> = {
  attempt: true,
  checkpointed: true,
  parents: true,
  tags: true,
  metadata: true,
  headers: true,
  partition: true,
}

export interface SingleRunParts {
  readonly handler: AnyHandler
  readonly input: unknown
  readonly options: WorkOptions
  /** Where what the handler enqueues goes. */
  readonly mill: Mill
  readonly platform: Platform
  readonly logger: Logger
}

/**
 * @returns what its output schema makes of what the handler returned
 * @throws what the handler threw; InvalidPayloadError; InvalidArgumentError
 */
export async function workSingly(parts: SingleRunParts): Promise<unknown> {
  const { handler, input, options, platform } = parts
  const { task } = handler
  checkMembers(options, MEMBERS, 'work')
  const { attempt: number = 1, checkpointed, parents = [], ...rest } = options
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError(`attempt is ${shown(number)}.`, {
      hint: 'It is a whole number, 1 for the first.',
    })
  const ids = new IdMaker(platform)
  const spec = await specOf({ task, input, options: rest }, ids.next(), 'client')
  const outcomes = new Map<string, TaskOutcome>()
  for (const parent of parents) {
    const id = ids.next()
    outcomes.set(id, await outcomeOf(parent, id))
  }
  const claim = claimOf(spec, {
    attempt: number,
    after: [...outcomes.keys()],
    checkpoint:
      checkpointed === undefined ? null : keptValue(task, { id: spec.id, what: 'checkpoint' }, checkpointed),
    platform,
  })
  const run = new RemoteRun(claim, { notes: () => undefined, checkpoint: () => Promise.resolve(undefined) })
  const { outcome, error } = await inTheNameOf(run, attempted, run, handler, servicesOf(parts, outcomes))
  run.over = true
  if (outcome.kind !== 'returned') throw error
  const { name, codec, output } = task
  const result = resultIn({ result: outcome.result, type: name }, { id: spec.id, codec })
  return validate(output, result, `The result of ${name}`)
}

async function attempted(run: RemoteRun, handler: AnyHandler, services: AttemptServices): Promise<Attempted> {
  if (!isBatchHandler(handler)) return attempt(run, handler, services)
  try {
    const input: unknown = await inputOf(run, handler.task, services.connection)
    const [one] = await attemptBatch([{ run, input }], handler, services)
    return one!
  } catch (error) {
    return unusable(error)
  }
}

async function outcomeOf({ task, result }: Parent, id: TaskId): Promise<TaskOutcome> {
  checkTask(task)
  const payload = await resultPayload(task, id, result)
  return { state: 'succeeded', type: task.name, reason: null, result: payload, error: null, cancel: null }
}

function claimOf(
  spec: TaskSpec,
  {
    attempt: number,
    platform,
    ...rest
  }: Pick<Claim, 'after' | 'checkpoint'> & { attempt: number; platform: Platform },
): Claim {
  const { lane, ...known } = spec
  const now = platform.wallMs()
  const none = { crashes: 0, isolatedCrashes: 0, returns: 0, snoozes: 0, parks: 0, generation: 0 }
  return {
    ...known,
    epoch: number,
    nonce: newNonce(platform),
    partition: lane?.partition ?? null,
    enqueuedAt: now,
    runAt: now,
    claimedAt: now,
    deadlineAt: null,
    counters: { claims: number, failures: number - 1, ...none },
    ...rest,
  }
}

function servicesOf(
  { mill, platform, logger }: SingleRunParts,
  outcomes: ReadonlyMap<string, TaskOutcome>,
): AttemptServices {
  const read = {
    outcomes: ({ ids }: Parameters<Store['outcomes']>[0]) =>
      Promise.resolve(ids.map((id) => outcomes.get(id) ?? null)),
  } as unknown as Store
  const nothing = (): void => undefined
  return {
    connection: { store: read, platform, logger, read: (look) => look(read) },
    enqueuer: {
      one: ({ task, input, options }) => mill.enqueue(task, input as never, options),
      within: () => {
        throw new InvalidArgumentError('There are no transactions in a test without their store.', {
          hint: 'Test this handler on the store whose transactions it needs.',
        })
      },
    },
    checkLease: nothing,
    settleSoon: nothing,
    settledApart: nothing,
    abandoned: nothing,
    started: nothing,
    stretches: undefined,
    plugins: undefined,
  }
}
