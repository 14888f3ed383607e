/** The fields of a message, and what stands in them. */
import { ScalarType, type DescEnum, type DescField, type DescMessage } from '@bufbuild/protobuf'
import { REPEATED } from './conventions.ts'
import { elementsMax, numberMax, textCheck } from './forms.ts'
import { unreadable, WIRE, type Reader } from './reader.ts'
import { repeating } from './repeating.ts'
import type { MessageCodec } from './codec.ts'
import type { Writer } from './writer.ts'

export type Plain = Readonly<Record<string, unknown>>

/** What stands in a field, or is an element of a list, without its tag. */
export interface ValueCodec {
  readonly wire: number
  write(writer: Writer, value: unknown): void
  read(reader: Reader): unknown
}

/** A field, by its name in plain objects. */
export interface FieldCodec {
  readonly name: string
  readonly write: (writer: Writer, value: unknown) => void
  /** With which of them it comes: others are not of it. */
  readonly tags: readonly number[]
  /** @param before what was read of it so far: lists come in parts */
  readonly read: (reader: Reader, tag: number, before: unknown) => unknown
  /** What it is where nothing came; `MISSING`: it has to be there. */
  readonly absent: unknown
}

/** What has to be there, and did not come. */
export const MISSING: unique symbol = Symbol('missing')

/** Lists and maps of which nothing came are these: what is read is never changed. */
const NONE: readonly unknown[] = Object.freeze([])
const EMPTY: Readonly<Record<string, string>> = Object.freeze({})

export interface FieldScene {
  readonly codecOf: (desc: DescMessage) => MessageCodec
  /** Absent is absent, and not `null`. */
  readonly leftOut: boolean
  /** `null` is a value, which its message says. */
  readonly takesNull: boolean
}

export function fieldCodec(field: DescField, scene: FieldScene): FieldCodec {
  if (field.fieldKind === 'list') return listField(field, scene)
  if (field.fieldKind === 'map') return mapField(field, scene)
  return singleField(field, scene)
}

/** What a field holds, or an element of its list. */
export function valueCodec(field: DescField, codecOf: FieldScene['codecOf']): ValueCodec {
  if (field.message !== undefined) return messageValue(field.message, codecOf)
  if (field.enum !== undefined) return enumValue(field.name, field.enum)
  return scalarValue(field)
}

function messageValue(desc: DescMessage, codecOf: FieldScene['codecOf']): ValueCodec {
  const codec = codecOf(desc)
  // those of one kind are mostly of about the same length
  let width = 1
  const value: ValueCodec = {
    wire: WIRE.bytes,
    write: (writer, message) => {
      const start = writer.begin(width)
      codec.write(writer, message)
      width = writer.end(start, width)
    },
    read: (reader) => codec.read(reader, reader.end()),
  }
  return REPEATED.has(desc.typeName) ? repeating(value) : value
}

/** The numbers of an enum by the words of the port. */
function enumValue(field: string, desc: DescEnum): ValueCodec {
  const prefix = desc.sharedPrefix ?? ''
  const words = new Map<number, string>()
  const numbers = new Map<string, number>()
  for (const { name, number } of desc.values) {
    if (number === 0) continue
    const word = name.slice(prefix.length).toLowerCase().replaceAll('_', '-')
    words.set(number, word)
    numbers.set(word, number)
  }
  return {
    wire: WIRE.varint,
    write: (writer, value) => {
      const number = numbers.get(value as string)
      if (number === undefined) throw unreadable(`${field} is no ${desc.name}`)
      writer.varint(number)
    },
    read: (reader) => {
      const word = words.get(reader.varint())
      if (word === undefined) throw unreadable(`${field} is no ${desc.name}`)
      return word
    },
  }
}

function scalarValue(field: DescField): ValueCodec {
  switch (field.scalar) {
    case ScalarType.STRING:
      return textValue(textCheck(field))
    case ScalarType.BYTES:
      return {
        wire: WIRE.bytes,
        write: (writer, value) => writer.bytes(value as Uint8Array),
        read: (reader) => reader.bytes(),
      }
    case ScalarType.BOOL:
      return {
        wire: WIRE.varint,
        write: (writer, value) => writer.varint(value === true ? 1 : 0),
        read: (reader) => reader.varint() !== 0,
      }
    case ScalarType.DOUBLE:
      return doubleValue(field.name)
    case ScalarType.INT32:
    case ScalarType.INT64:
      return numberValue(field.name, numberMax(field))
    default:
      throw new TypeError(`${field.name} has a type that this API does not use`)
  }
}

/** Longer ones are not remembered. */
const SHORT = 64

/** Many are what came in the same place before: those are looked at once, and are the very same text. */
function textValue(check: ((text: string) => void) | null): ValueCodec {
  let last: string | null = null
  return {
    wire: WIRE.bytes,
    write: (writer, value) => writer.text(value as string),
    read: (reader) => {
      const text = reader.text(last)
      if (text === last) return text
      check?.(text)
      if (text.length <= SHORT) last = text
      return text
    },
  }
}

function doubleValue(field: string): ValueCodec {
  return {
    wire: WIRE.double,
    write: (writer, value) => writer.double(value as number),
    read: (reader) => {
      const value = reader.double()
      if (!(value >= 0 && value < Infinity)) throw unreadable(`${field} is no number from 0`)
      return value
    },
  }
}

function numberValue(field: string, valueMax: number): ValueCodec {
  const check = (value: unknown): number => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= valueMax) return value
    throw unreadable(`${field} is no whole number from 0 to ${valueMax}`)
  }
  return {
    wire: WIRE.varint,
    write: (writer, value) => writer.varint(check(value)),
    read: (reader) => check(reader.varint()),
  }
}

function singleField(field: DescField, { codecOf, leftOut, takesNull }: FieldScene): FieldCodec {
  const { name, jsonName, number } = field
  const codec = valueCodec(field, codecOf)
  const tag = number * 8 + codec.wire
  const optional = field.proto.proto3Optional
  const fallback = fallbackFor(field, optional)
  return {
    name: jsonName,
    write: (writer, value) => {
      if (value === undefined || (value === null && !takesNull)) {
        if (!optional) throw unreadable(`${name} is missing`)
        return
      }
      if (!optional && value === fallback) return
      writer.varint(tag)
      codec.write(writer, value)
    },
    tags: [tag],
    read: (reader) => codec.read(reader),
    absent: leftOut ? undefined : fallback,
  }
}

/** What a field holds that was not written, since that is what it holds. */
function fallbackFor(field: DescField, optional: boolean): unknown {
  if (optional) return null
  if (field.fieldKind !== 'scalar') return MISSING
  if (field.scalar === ScalarType.STRING) return textFallback(field)
  if (field.scalar === ScalarType.BOOL) return false
  return field.scalar === ScalarType.BYTES ? MISSING : 0
}

/** What has a form is not empty. */
function textFallback(field: DescField): unknown {
  try {
    textCheck(field)?.('')
    return ''
  } catch {
    return MISSING
  }
}

function listField(field: DescField, { codecOf, leftOut }: FieldScene): FieldCodec {
  const { name, jsonName, number } = field
  const value = valueCodec(field, codecOf)
  const max = elementsMax(field)
  const packs = value.wire === WIRE.varint
  const single = number * 8 + value.wire
  const absent = leftOut ? undefined : NONE
  const tag = number * 8 + (packs ? WIRE.bytes : value.wire)
  const add = (list: unknown[], reader: Reader): void => {
    if (list.length >= max) throw unreadable(`${name} has more than ${max} elements`)
    list.push(value.read(reader))
  }
  return {
    name: jsonName,
    write: (writer, elements) => {
      const list = leftOut ? ((elements ?? []) as readonly unknown[]) : (elements as readonly unknown[])
      if (list.length === 0) return
      if (!packs) {
        for (const element of list) {
          writer.varint(tag)
          value.write(writer, element)
        }
        return
      }
      writer.varint(tag)
      const start = writer.begin(1)
      for (const element of list) value.write(writer, element)
      writer.end(start, 1)
    },
    tags: packs ? [tag, single] : [tag],
    read: (reader, found, before) => {
      const list = before === absent ? [] : (before as unknown[])
      if (packs && found === tag) for (const end = reader.end(); reader.at < end;) add(list, reader)
      else add(list, reader)
      return list
    },
    absent,
  }
}

/** Texts by name: the only kind of map there is. */
function mapField({ jsonName, number }: DescField, { leftOut }: FieldScene): FieldCodec {
  const tag = number * 8 + WIRE.bytes
  const absent = leftOut ? undefined : EMPTY
  return {
    name: jsonName,
    write: (writer, value) => {
      if (leftOut && value === undefined) return
      for (const [key, text] of Object.entries(value as Readonly<Record<string, string>>)) {
        writer.varint(tag)
        const start = writer.begin(1)
        writer.varint(KEY_TAG)
        writer.text(key)
        writer.varint(VALUE_TAG)
        writer.text(text)
        writer.end(start, 1)
      }
    },
    tags: [tag],
    read: (reader, _, before) => {
      const map = before === absent ? {} : (before as Record<string, string>)
      const [key, value] = readEntry(reader)
      // a name like `__proto__` is one as any other
      Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true })
      return map
    },
    absent,
  }
}

const KEY_TAG = 10
const VALUE_TAG = 18

function readEntry(reader: Reader): readonly [key: string, value: string] {
  let [key, value] = ['', '']
  for (const end = reader.end(); reader.at < end;) {
    const tag = reader.varint()
    if (tag === KEY_TAG) key = reader.text()
    else if (tag === VALUE_TAG) value = reader.text()
    else reader.skip(tag % 8)
  }
  return [key, value]
}
