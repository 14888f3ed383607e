/** Bulks that are added whole or not at all, however large. */
import { LIMITS } from '../task/limits.ts'
import { newNonce, type IdMaker } from '../task/ids.ts'
import { payloadSize } from '../task/codec.ts'
import { checkReplacements } from '../store/uniqueness.ts'
import { rejectionError } from './refusals.ts'
import type { Connection } from './connection.ts'
import type { AddVerdict, TaskGroup } from '../store/port.ts'
import type { TaskId, TaskSpec } from '../store/records.ts'

export interface AtomicBulkParts {
  readonly connection: Connection
  readonly ids: IdMaker
  /** Adds a group, or throws. */
  readonly add: (group: TaskGroup) => Promise<readonly AddVerdict[]>
}

/** @throws what refuses any of them; then there is none of them */
export function addWhole(specs: readonly TaskSpec[], parts: AtomicBulkParts): Promise<readonly AddVerdict[]> {
  const chunks = chunked(specs)
  if (chunks.length > 1) checkReplacements([{ tasks: specs, under: null, gate: '' }])
  return chunks.length > 1 ? behindGate(chunks, parts) : parts.add({ tasks: specs, under: null, gate: null })
}

/** More than one request can carry: written behind a gate, which one operation opens, or taken back. */
async function behindGate(
  chunks: readonly (readonly TaskSpec[])[],
  { connection, ids, add }: AtomicBulkParts,
): Promise<readonly AddVerdict[]> {
  const gate = ids.next()
  const verdicts: AddVerdict[] = []
  const written: TaskId[] = []
  try {
    for (const chunk of chunks) {
      const answers = await add({ tasks: chunk, under: null, gate })
      verdicts.push(...answers)
      for (const [index, { id, idMadeBy }] of chunk.entries()) {
        // a task whose id somebody gave may be another bulk's by now, which named it too: it waits for that, or is swept
        if (answers[index]!.outcome === 'created' && idMadeBy === 'client') written.push(id)
      }
    }
  } catch (error) {
    await takeBack(written, connection)
    throw error
  }
  if ((await connection.call((store) => store.openGate(gate))) === 'gone')
    throw rejectionError({ code: 'gate-gone', gate })
  return verdicts
}

async function takeBack(ids: readonly TaskId[], connection: Connection): Promise<void> {
  try {
    for (let from = 0; from < ids.length; from += LIMITS.batchTasks) {
      const target = { ids: ids.slice(from, from + LIMITS.batchTasks) }
      const nonce = newNonce(connection.platform)
      const command = { nonce, command: { kind: 'remove' }, target, tasksMax: LIMITS.batchTasks } as const
      await connection.call((store) => store.command(command))
    }
  } catch (error) {
    connection.logger.warn(
      { err: error },
      'an atomic bulk was not taken back; the sweep removes its tasks, which never start',
    )
  }
}

/** Cut into what one request may carry. */
function chunked(specs: readonly TaskSpec[]): TaskSpec[][] {
  const chunks: TaskSpec[][] = []
  let chunk: TaskSpec[] = []
  let bytes = 0
  for (const spec of specs) {
    bytes += payloadSize(spec.payload)
    if (chunk.length > 0 && (chunk.length >= LIMITS.batchTasks || bytes > LIMITS.batchBytes)) {
      chunks.push(chunk)
      chunk = []
      bytes = payloadSize(spec.payload)
    }
    chunk.push(spec)
  }
  if (chunk.length > 0) chunks.push(chunk)
  return chunks
}
