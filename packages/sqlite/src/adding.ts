/** Enqueues: runs of plain tasks many rows at a time, everything else group by group. */
import { addGroup } from './groups.ts'
import {
  addLanedTasks,
  addPlainTasks,
  ALL_LANED_READY,
  ALL_READY,
  ROWS_AT_ONCE,
} from './statements/adding.ts'
import { PUT_APART } from './statements/tasks.ts'
import { addToLoads } from './loads.ts'
import { isApart } from './sizes.ts'
import { EXTRA, lastSeq, PART } from './tasks.ts'
import { groupsOf } from './unpacking.ts'
import type { GroupAnswer } from '@millrace/core/store'
import type { Value } from './database.ts'
import type { Pass } from './home.ts'
import type { PackedAdd, PackedAddAnswer, PlainTasks, Shape } from './wire.ts'

/** An id of a plain task is taken: the transaction has to be taken back, and each task looked at. */
export class TakenIdError extends Error {
  override readonly name = 'TakenIdError'
}

/** @throws TakenIdError */
export function add(pass: Pass, request: PackedAdd): PackedAddAnswer {
  return addParts(pass, request, (plain) => {
    addPlain(pass, plain)
    return null
  })
}

/** The same, when an id turned out to be taken. */
export function addCarefully(pass: Pass, request: PackedAdd): PackedAddAnswer {
  return addParts(pass, request, (plain) => groupsOf(plain).map((group) => addGroup(pass, group)))
}

function addParts(
  pass: Pass,
  { parts }: PackedAdd,
  plainly: (plain: PlainTasks) => readonly GroupAnswer[] | null,
): PackedAddAnswer {
  return {
    parts: parts.map((part) => ('plain' in part ? plainly(part.plain) : [addGroup(pass, part.group)])),
  }
}

interface ShapeKeys {
  readonly queue: number
  readonly route: number
  readonly level: number
  readonly terms: number
  readonly lane: number
}

function addPlain(pass: Pass, plain: PlainTasks): void {
  const { database } = pass
  const before = lastSeq(pass)
  const shapes = plain.shapes.map((shape) => keysOf(pass, shape))
  const sizes = sizesOf(plain)
  const laned = shapes.some(({ lane }) => lane !== 0)
  for (let from = 0, offset = 0; from < plain.count; from += ROWS_AT_ONCE) {
    const rows = Math.min(ROWS_AT_ONCE, plain.count - from)
    const values: Value[] = []
    for (let index = from; index < from + rows; index++) {
      const payload = plain.payloads.substring(offset, (offset += plain.lengths[index]!))
      const apart = isApart(payload)
      const seq = before + 1 + index
      if (apart) database.run(PUT_APART, seq * 4 + PART.payload, payload)
      const { queue, route, level, terms, lane } = shapes[plain.shapeOf[index]!]!
      values.push(
        seq,
        plain.ids.subarray(16 * index, 16 * index + 16),
        queue,
        route,
        level,
        terms,
        pass.now,
        pass.now,
        apart ? EXTRA.payload : 0,
        sizes[index]!,
        plain.digests.substring(16 * index, 16 * index + 16),
        apart ? null : payload,
      )
      if (laned) values.push(lane)
    }
    if (database.run(statementFor(rows, laned ? addLanedTasks : addPlainTasks), ...values) !== rows)
      throw new TakenIdError('an id is taken')
  }
  if (pass.budgets.any) {
    for (const [index, shape] of plain.shapeOf.entries()) {
      const { queue, lane } = shapes[shape]!
      addToLoads(pass, { queue, lane, tasks: 1, bytes: sizes[index]! })
    }
  }
  database.run(laned ? ALL_LANED_READY : ALL_READY, before)
  pass.hint.ready = true
}

type Kind = (rows: number) => string

const statements = new Map<Kind, Map<number, string>>([
  [addPlainTasks, new Map()],
  [addLanedTasks, new Map()],
])

function statementFor(rows: number, kind: Kind): string {
  const byRows = statements.get(kind)!
  let statement = byRows.get(rows)
  if (statement === undefined) byRows.set(rows, (statement = kind(rows)))
  return statement
}

function keysOf({ names, lanes }: Pass, shape: Shape): ShapeKeys {
  return {
    queue: names.queue(shape.queue).key,
    route: names.route(shape.type, shape.needs),
    level: shape.level,
    terms: names.terms(shape.terms),
    lane: shape.lane === null ? 0 : lanes.keyOf(shape.lane),
  }
}

/** The sizes of payloads in bytes: their lengths, unless a letter of any of them takes more than a byte. */
function sizesOf({ count, payloads, lengths }: PlainTasks): Uint32Array {
  if (Buffer.byteLength(payloads) === payloads.length) return lengths
  const sizes = new Uint32Array(count)
  for (let index = 0, offset = 0; index < count; index++) {
    sizes[index] = Buffer.byteLength(payloads.substring(offset, (offset += lengths[index]!)))
  }
  return sizes
}
