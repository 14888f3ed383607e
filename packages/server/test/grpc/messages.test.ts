/** The messages of the calls against their schemas. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { CALL_METHODS, CALL_SERVICES, STREAM_METHODS } from '../../src/grpc/call-methods.ts'
import { codecOf } from '../../src/wire/codec.ts'
import { CALLS } from '../../src/service/calls.ts'
import { STREAMS } from '../../src/service/streams.ts'
import { FLATTENED } from '../../src/wire/call-conventions.ts'
import { Stage } from '../stage.ts'
import { prepared } from '../calls/prepared.ts'
import { bearer, GrpcScene, membersOf } from './grpc-scene.ts'
import type { DescField, DescMessage } from '@bufbuild/protobuf'

test('every call and every stream has one RPC, and every RPC is one', () => {
  expect(Object.keys(CALL_METHODS).toSorted()).toEqual([...CALLS.keys()].toSorted())
  expect(Object.keys(STREAM_METHODS).toSorted()).toEqual([...STREAMS.keys()].toSorted())
  const used = [...Object.values(CALL_METHODS), ...Object.values(STREAM_METHODS)]
  const there = CALL_SERVICES.flatMap(({ methods }) => methods)
  expect(used.map(({ name }) => name).toSorted()).toEqual(there.map(({ name }) => name).toSorted())
  expect(new Set(used)).toEqual(new Set(there))
  for (const method of Object.values(CALL_METHODS)) expect(method.methodKind).toBe('unary')
  for (const method of Object.values(STREAM_METHODS)) expect(method.methodKind).toBe('server_streaming')
})

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly type?: string
}

/** The members that an input may have, in each form of it. */
function members(schema: JsonSchema): ReadonlyMap<string, JsonSchema[]> {
  const found = new Map<string, JsonSchema[]>()
  for (const form of [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])])
    for (const [name, one] of Object.entries(form.properties ?? {}))
      found.set(name, [...(found.get(name) ?? []), one])
  return found
}

/** Messages that are no objects in plain JSON, or only in some of their forms. */
const OTHER_FORMS = new Set([
  'Json',
  'Parent',
  'Retry',
  'RetentionBound',
  'MissedRuns',
  'Clause',
  'LimitChange',
  'RetentionChange',
])

function fieldsOf(desc: DescMessage): readonly DescField[] {
  const inner = FLATTENED[desc.typeName]?.field
  return desc.fields.flatMap((field) => (field.jsonName === inner ? fieldsOf(field.message!) : [field]))
}

/** Each place where the two differ. */
function differences(desc: DescMessage, schemas: readonly JsonSchema[], path: string): readonly string[] {
  const all = new Map<string, JsonSchema[]>()
  for (const schema of schemas)
    for (const [name, some] of members(schema)) all.set(name, [...(all.get(name) ?? []), ...some])
  const fields = fieldsOf(desc)
  const names = fields.map(({ jsonName }) => jsonName)
  const missing = [...all.keys()]
    .filter((name) => !names.includes(name))
    .map((name) => `${path}.${name} has no field`)
  const surplus = names.filter((name) => !all.has(name)).map((name) => `${path}.${name} has no member`)
  const inside = fields.flatMap((field) => {
    const given = all.get(field.jsonName)
    if (field.message === undefined || given === undefined || OTHER_FORMS.has(field.message.name)) return []
    const of = given.flatMap((schema) => (field.fieldKind === 'list' ? (schema.items ?? []) : schema))
    return differences(field.message, of, `${path}.${field.jsonName}`)
  })
  return [...missing, ...surplus, ...inside]
}

const EVERY = [...CALLS, ...STREAMS].map(([name, call]) => {
  return { name, call, method: { ...CALL_METHODS, ...STREAM_METHODS }[name]! }
})

describe.each(EVERY)('$name', ({ name, call, method }) => {
  test('its request has a field for every member of its input, and no other', () => {
    const schema = z.toJSONSchema(call.input, { io: 'input', unrepresentable: 'any', reused: 'inline' })
    expect(differences(method.input, [resolved(schema)], name)).toEqual([])
  })

  test('its response has a field for every member of its output, and no other', () => {
    const schema = resolved(
      z.toJSONSchema(call.output, { io: 'input', unrepresentable: 'any', reused: 'inline' }),
    )
    const members = Object.keys(schema.properties ?? {})
    // an answer without content is an empty message
    const isDone = members.join() === 'done'
    const wrapped = WRAPPED[method.output.name]
    const desc = wrapped === undefined ? method.output : method.output.field[wrapped]!.message!
    const found = differences(desc, [schema], name)
    const expected = isDone ? [`${name}.done has no field`] : (BESIDE[name] ?? [])
    expect(found).toEqual(expected)
  })
})

/** What a message has beside: where an event stands, and what only one of many enqueues comes to. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  'events.watch': ['events.watch.id has no member'],
  'tasks.enqueue': ['tasks.enqueue.error has no member'],
}

/** Answers that are one thing, in a field of its name. */
const WRAPPED: Readonly<Record<string, string>> = {
  EnqueueResponse: 'task',
  ScheduleServicePutScheduleResponse: 'schedule',
  GetScheduleResponse: 'schedule',
}

/** With definitions in the place of what names them. */
function resolved(schema: object): JsonSchema {
  const { $defs: definitions = {} } = schema as { readonly $defs?: Readonly<Record<string, object>> }
  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve)
    if (typeof value !== 'object' || value === null) return value
    const { $ref } = value as { readonly $ref?: string }
    if ($ref !== undefined) return resolve(definitions[$ref.replace('#/$defs/', '')])
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, resolve(one)]))
  }
  return resolve(schema) as JsonSchema
}

describe('the examples work, and come to what their schemas say', () => {
  test.each([...CALLS.keys()])('%s', async (name) => {
    const stage = new Stage()
    await using scene = await GrpcScene.open(stage)
    await prepared(stage, name)
    const { example, output } = CALLS.get(name)!
    const method = CALL_METHODS[name]!
    const request = codecOf<object>(method.input, 'left out').encode(example as object)
    const answer = await scene.unary(method, request, bearer('root'))
    const given = codecOf<object>(method.output).decode(answer)
    const isDone = method.output.fields.length === 0
    expect(output.safeParse(isDone ? { done: true } : given).error).toBeUndefined()
  })
})

test('what is no text, no JSON and too deep is refused, and names no internals', async () => {
  const stage = new Stage()
  await using scene = await GrpcScene.open(stage)
  await stage.publish()
  const method = CALL_METHODS['tasks.enqueue']!
  const deep = `${'['.repeat(100)}${']'.repeat(100)}`
  for (const text of ['{', '', 'undefined', deep]) {
    const inner = Buffer.concat([Buffer.from([0x0a, text.length, ...Buffer.from(text)])])
    const task = Buffer.concat([
      Buffer.from([0x0a, 5]),
      Buffer.from('greet'),
      Buffer.from([0x12, ...varint(inner.length)]),
      inner,
    ])
    const request = Buffer.concat([Buffer.from([0x0a, ...varint(task.length)]), task])
    await expect(scene.unary(method, request, bearer('root'))).rejects.toMatchObject({ code: 3 })
  }
  await expect(scene.unary(method, Buffer.from([0xff, 0xff]), bearer('root'))).rejects.toMatchObject({
    code: 3,
  })
  expect(await stage.mill.queues.list()).toEqual([])
  expect(membersOf(method.input)).toContain('idempotencyKey')
})

function varint(value: number): readonly number[] {
  return value < 128 ? [value] : [(value % 128) + 128, Math.floor(value / 128)]
}
