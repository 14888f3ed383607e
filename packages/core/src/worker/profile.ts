/** What a session says of its worker: where it runs, what it serves, and the definitions that it handles. */
import { hostProfile } from '../platform/host.ts'
import { fingerprintOf } from './fingerprints.ts'
import { jsonSchemaOf } from '../task/schema.ts'
import type { AnyTask } from '../task/definition.ts'
import type { UniqueCall } from '../task/options.ts'
import type { PublishedDefinition, SessionRequest } from '../store/port.ts'
import type { ResolvedWorkerOptions } from './options.ts'

export function profileOf(
  { handlers, queues, offers, concurrency, name }: ResolvedWorkerOptions,
  state: SessionRequest['state'],
): Omit<SessionRequest, 'session' | 'ttlMs'> {
  const definitions = Array.from(handlers.values(), ({ task }): PublishedDefinition => {
    const { queue, level, ...options } = task.options
    return {
      type: task.name,
      queue,
      level,
      // keys are made by functions of the definition, but who has only its name is to know that there are some
      options: JSON.stringify({
        ...options,
        unique: uniquenessOf(task),
        flow: flowOf(task),
        fingerprint: fingerprintOf(task),
        ...codecOf(task),
      }),
      schema: jsonSchemaOf(task.input),
    }
  })
  const { host, pid } = hostProfile()
  return {
    host: name ?? host,
    pid,
    queues: [...queues.keys()],
    types: [...handlers.keys()],
    offers,
    concurrency,
    state,
    definitions,
  }
}

/** How its payloads are kept: whoever has none of that cannot read them, and what is encrypted not write them either. */
function codecOf({ codec }: AnyTask): object {
  return codec === undefined ? {} : { codec: codec.name, seals: (codec.seals ?? []).map(({ name }) => name) }
}

/** What a call may say of uniqueness, but for the key. */
function uniquenessOf({ unique }: AnyTask): Omit<UniqueCall, 'key'> | null {
  if (unique === undefined) return null
  const { while: held, within } = unique
  return { while: held, within, then: unique.then }
}

/** What a task of it counts under, and whether a function of its input makes the key. */
function flowOf({ flow }: AnyTask): object | null {
  if (flow === undefined) return null
  const { partition, limits, breaker } = flow
  return {
    partition: partition === undefined ? null : { fifo: partition.fifo === true },
    limits: limits.map(({ name, key }) => ({ name, keyed: key !== undefined })),
    breaker: breaker === undefined ? null : breaker.name,
  }
}
