/**
 * How the port's plain objects and messages differ, as far as their files cannot say it.
 *
 * What can be told from a message by itself:
 * - A field has the name of the member, or says it by `json_name`. `optional` and absent is `null`, what is not `optional` has to be there.
 * - An enum is its name without the prefix, in lower case with dashes: `CLAIM_END_ISOLATED_CRASH` is `isolated-crash`.
 * - A message whose one field is `values` is that list, or that map.
 * - A message that is one `oneof` of the name `kind`, `outcome`, `to` or `code` is a union that tells its members apart by
 *   that member: `{ outcome: 'added', tasks }`. Any other `oneof` is the member that is there: `{ inMs }` or `{ at }`.
 */

import { CALL_SHAPES, LEFT_OUT_OF_ANSWERS } from './call-conventions.ts'
import { slot, type Shape } from './shapes.ts'

/** What a field is that may be absent, and did not come. Of requests of calls it is left out, of all else it is `null`. */
export type Absent = 'null' | 'left out'

/** The names of a `oneof` that tell the members of a union apart. */
export const DISCRIMINATORS: ReadonlySet<string> = new Set(['kind', 'outcome', 'to', 'code'])

/** Absent is absent, and not `null`: by the message, fields by their names in plain objects. */
export const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  'millrace.v1.TaskPolicy': ['version'],
  'millrace.v1.BackToPending': ['shut'],
  'millrace.v1.Failed': ['shut'],
  'millrace.v1.OrderSessionRequest': ['end', 'concurrency'],
  'millrace.v1.LimitsRequest': ['keys'],
  'millrace.v1.TaskFilter': ['states', 'queue', 'type', 'tag', 'metadata', 'text'],
  'millrace.v1.ConfigureQueueRequest': ['paused', 'by', 'retention'],
  'millrace.v1.ListRequest': ['endedSince'],
  ...LEFT_OUT_OF_ANSWERS,
}

/** Messages of which there are many in one, and mostly the same. */
export const REPEATED: ReadonlySet<string> = new Set([
  'millrace.v1.TaskPolicy',
  'millrace.v1.Due',
  'millrace.v1.Lane',
  'millrace.v1.GroupAnswer',
  'millrace.v1.Transition',
  'millrace.v1.Counters',
])

/** Messages that stand for `null`, too; there absent is absent where their field is left out, and else refused. */
export const TAKE_NULL: ReadonlySet<string> = new Set([
  'millrace.v1.NextFire',
  'millrace.v1.EndOrder',
  'millrace.v1.PausedBy',
  'millrace.v1.RetentionSetting',
  'millrace.v1.Json',
  'millrace.v1.LimitChange',
  'millrace.v1.RetentionChange',
])

/** Messages whose `oneof` may be none of its members. */
export const MAY_BE_NONE: ReadonlySet<string> = new Set(['millrace.v1.OutcomeSlot'])

const payload: Shape = {
  toFields: (value: string | Uint8Array) => (typeof value === 'string' ? { text: value } : { bytes: value }),
  fromFields: (fields: { readonly text: string } | { readonly bytes: Uint8Array }) =>
    'text' in fields ? fields.text : fields.bytes,
}

/** `live` and `waiting` are words in the port. */
const uniqueHold: Shape = {
  toFields: (value: string | { readonly withinMs: number }) =>
    typeof value === 'string' ? { [value]: {} } : value,
  fromFields: (fields: object) => {
    if ('withinMs' in fields) return fields
    return 'live' in fields ? 'live' : 'waiting'
  },
}

const nextFire: Shape = {
  toFields: (value: number | null | 'keep') => {
    if (value === 'keep') return { keep: {} }
    return value === null ? { never: {} } : { at: value }
  },
  fromFields: (fields: { readonly at: number } | { readonly keep: object } | { readonly never: object }) => {
    if ('at' in fields) return fields.at
    return 'keep' in fields ? 'keep' : null
  },
}

const outcomeSlot: Shape = {
  toFields: (value: object | 'later' | null) => {
    if (value === null) return {}
    return value === 'later' ? { later: {} } : { outcome: value }
  },
  fromFields: (fields: { readonly outcome?: object; readonly later?: object }) =>
    fields.outcome ?? (fields.later === undefined ? null : 'later'),
}

/** Ids have no cursor. */
const commandTarget: Shape = {
  toFields: (value: object) => value,
  fromFields: ({ cursor, ...target }: { readonly cursor: string | null }) =>
    'ids' in target ? target : { ...target, cursor },
}

/** Messages that are something else in the port. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  'millrace.v1.Payload': payload,
  'millrace.v1.UniqueHold': uniqueHold,
  'millrace.v1.NextFire': nextFire,
  'millrace.v1.OutcomeSlot': outcomeSlot,
  'millrace.v1.CommandTarget': commandTarget,
  'millrace.v1.TaskSlot': slot('task'),
  'millrace.v1.EndOrder': slot('end'),
  'millrace.v1.PausedBy': slot('by'),
  'millrace.v1.RetentionSetting': slot('retention'),
  ...CALL_SHAPES,
}
