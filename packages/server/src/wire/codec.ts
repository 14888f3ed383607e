/**
 * From plain objects to the bytes of a message and back, as its descriptor says: compiled once for each message, and in one
 * pass, so that no message object is ever made. What each message is in plain objects says `conventions.ts`.
 */
import type { DescField, DescMessage } from '@bufbuild/protobuf'
import { LEFT_OUT, MAY_BE_NONE, SHAPES, TAKE_NULL, type Absent } from './conventions.ts'
import { fieldCodec, MISSING, type FieldCodec, type Plain } from './fields.ts'
import { makerOf } from './makers.ts'
import { discriminated, keyed, type UnionCodec } from './unions.ts'
import { Reader, unreadable } from './reader.ts'
import { Writer } from './writer.ts'
import type { Shape } from './shapes.ts'

/** Between a plain value and the bytes of its message. */
export interface Codec<T> {
  /** @throws InvalidArgumentError if something is missing, or no whole number where there has to be one */
  encode(value: T): Buffer
  /** @throws InvalidArgumentError for what is no such message, or holds what it must not */
  decode(bytes: Uint8Array): T
}

/** Between a value and its message, inside others. */
export interface MessageCodec {
  write(writer: Writer, value: unknown): void
  read(reader: Reader, end: number): unknown
}

const codecs: Readonly<Record<Absent, Map<string, MessageCodec>>> = {
  null: new Map(),
  'left out': new Map(),
}
/** Nothing is written by two at a time. */
const shared = new Writer()

/**
 * @template T what the message is in plain objects, which its caller knows
 * @param absent what a field is that did not come, in the message and those in it
 */
export function codecOf<T>(desc: DescMessage, absent: Absent = 'null'): Codec<T> {
  const codec = messageCodec(desc, absent)
  return {
    encode: (value) => {
      try {
        codec.write(shared, value)
      } catch (error) {
        shared.reset()
        throw error
      }
      return shared.finish()
    },
    decode: (bytes) => {
      const reader = new Reader(bytes)
      return codec.read(reader, reader.length) as T
    },
  }
}

/** The same for each use of a message. */
function messageCodec(desc: DescMessage, absent: Absent): MessageCodec {
  const known = codecs[absent]
  let codec = known.get(desc.typeName)
  if (codec === undefined) {
    const shape = SHAPES[desc.typeName]
    codec = shape === undefined ? bareCodec(desc, absent) : shaped(bareCodec(desc, absent), shape)
    known.set(desc.typeName, codec)
  }
  return codec
}

function bareCodec(desc: DescMessage, absent: Absent): MessageCodec {
  const [only, ...others] = desc.fields
  if (only?.name === 'values' && others.length === 0) return valuesCodec(new ObjectCodec(desc, absent))
  return discriminated(desc, (inner) => messageCodec(inner, absent)) ?? new ObjectCodec(desc, absent)
}

function shaped(codec: MessageCodec, { toFields, fromFields }: Shape): MessageCodec {
  return {
    write: (writer, value) => codec.write(writer, toFields(value as never)),
    read: (reader, end) => fromFields(codec.read(reader, end) as never),
  }
}

function valuesCodec(codec: MessageCodec): MessageCodec {
  return {
    write: (writer, value) => codec.write(writer, { values: value }),
    read: (reader, end) => (codec.read(reader, end) as Plain)['values'],
  }
}

/** How the objects of a message are read and written, once that is known of all messages in it. */
interface Plan {
  readonly fields: readonly FieldCodec[]
  /** By a tag, which field comes with it. */
  readonly byTag: readonly (number | undefined)[]
  /** What each field is before anything was read. */
  readonly absent: readonly unknown[]
  readonly union: UnionCodec | undefined
  readonly make: (values: readonly unknown[]) => Record<string, unknown>
}

/** An object with a member for each field. */
class ObjectCodec implements MessageCodec {
  readonly #desc: DescMessage
  readonly #absent: Absent
  #plan: Plan | undefined

  constructor(desc: DescMessage, absent: Absent) {
    this.#desc = desc
    this.#absent = absent
  }

  write(writer: Writer, value: unknown): void {
    const { fields, union } = (this.#plan ??= this.#compile())
    for (const { name, write } of fields) write(writer, (value as Plain)[name])
    union?.write(writer, value as Plain)
  }

  read(reader: Reader, end: number): unknown {
    const { fields, byTag, absent, union, make } = (this.#plan ??= this.#compile())
    const values = absent.slice()
    let member: Plain | undefined
    while (reader.at < end) {
      const tag = reader.varint()
      const index = tag < byTag.length ? byTag[tag] : undefined
      if (index !== undefined) values[index] = fields[index]!.read(reader, tag, values[index])
      else member = union?.read(reader, tag) ?? skipped(reader, tag, member)
    }
    if (reader.at !== end) throw unreadable('a message in it does not end where it should')
    const missing = values.indexOf(MISSING)
    if (missing !== -1) throw unreadable(`${ownFields(this.#desc)[missing]!.name} is missing`)
    const object = make(values)
    if (union === undefined) return object
    if (member === undefined && !MAY_BE_NONE.has(this.#desc.typeName))
      throw unreadable(`${this.#desc.name} is none of its members`)
    return Object.assign(object, member)
  }

  /** Late: messages may hold each other. */
  #compile(): Plan {
    const { typeName } = this.#desc
    const leftOut = LEFT_OUT[typeName] ?? []
    const codecOf = (desc: DescMessage): MessageCodec => messageCodec(desc, this.#absent)
    const fields = ownFields(this.#desc).map((field) =>
      fieldCodec(field, {
        codecOf,
        leftOut: leftOut.includes(field.localName) || (this.#absent === 'left out' && mayBeAbsent(field)),
        takesNull: TAKE_NULL.has(field.message?.typeName ?? ''),
      }),
    )
    const byTag: (number | undefined)[] = []
    for (const [index, { tags }] of fields.entries()) for (const tag of tags) byTag[tag] = index
    return {
      fields,
      byTag: Array.from(byTag), // without holes
      absent: fields.map((field) => field.absent),
      union: keyed(this.#desc, codecOf),
      make: makerOf(
        typeName,
        fields.map(({ name }) => name),
      ),
    }
  }
}

/** Those that are members by themselves. */
function ownFields({ fields }: DescMessage): readonly DescField[] {
  return fields.filter(({ oneof }) => oneof === undefined)
}

/** The others are there, whether they came or not: empty, or 0. */
function mayBeAbsent({ fieldKind, proto }: DescField): boolean {
  return proto.proto3Optional || fieldKind === 'list' || fieldKind === 'map'
}

function skipped(reader: Reader, tag: number, member: Plain | undefined): Plain | undefined {
  reader.skip(tag % 8)
  return member
}
