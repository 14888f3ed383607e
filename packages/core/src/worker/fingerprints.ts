/** Notices a schema that was changed while its version was not: what is queued may not fit it. */
import { digest } from '../platform/hash.ts'
import { jsonSchemaOf } from '../task/schema.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Connection } from '../client/connection.ts'
import type { PublishedDefinition } from '../store/port.ts'
import type { ResolvedWorkerOptions } from './options.ts'
import type { WorkerEmitter } from './events.ts'

/** A definition differs from the one that workers on the store have published last, and has the same version. */
export interface SchemaChange {
  readonly type: string
  readonly version: number
  /** Of the schema that was published. */
  readonly published: string
  /** Of the schema here. */
  readonly here: string
}

/** The same for schemas that say the same; `null` where the library gives no JSON Schema. */
export function fingerprintOf({ input }: Pick<AnyTask, 'input'>): string | null {
  const schema = jsonSchemaOf(input)
  return schema === null ? null : digest('', JSON.stringify(sorted(JSON.parse(schema))))
}

/** Those whose schema is another one than was published for the same version. */
export function schemaChanges(
  tasks: readonly AnyTask[],
  published: readonly PublishedDefinition[],
): readonly SchemaChange[] {
  const known = new Map(published.map(({ type, options }) => [type, options]))
  return tasks.flatMap((task) => {
    const options = known.get(task.name)
    if (options === undefined) return []
    const there = publishedPart(options)
    const here = fingerprintOf(task)
    const { version } = task.options
    if (here === null || typeof there.fingerprint !== 'string') return []
    if (there.version !== version || there.fingerprint === here) return []
    return [{ type: task.name, version, published: there.fingerprint, here }]
  })
}

/** What is none of a worker of ours says nothing. */
function publishedPart(options: string): {
  readonly version?: number
  readonly fingerprint?: string | null
} {
  try {
    return (JSON.parse(options) as object | null) ?? {}
  } catch {
    return {}
  }
}

/** Before this worker publishes its own. */
export async function tellSchemaChanges(
  connection: Connection,
  { handlers }: Pick<ResolvedWorkerOptions, 'handlers'>,
  emitter: WorkerEmitter,
): Promise<void> {
  const tasks = Array.from(handlers.values(), ({ task }) => task).filter(
    (task) => fingerprintOf(task) !== null,
  )
  if (tasks.length === 0) return
  const published = await connection.read((store) => store.definitions(), 'insists')
  for (const change of schemaChanges(tasks, published)) emitter.emit('schemaChanged', change)
}

/** Members in the order of their names: in another order they say the same. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(sorted)
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(entries.map(([key, member]) => [key, sorted(member)]))
}
