/** The `oneof` of a message: one of several members. */
import type { DescMessage, DescOneof } from '@bufbuild/protobuf'
import { DISCRIMINATORS } from './conventions.ts'
import { valueCodec, type Plain, type ValueCodec } from './fields.ts'
import { unreadable, type Reader } from './reader.ts'
import type { MessageCodec } from './codec.ts'
import type { Writer } from './writer.ts'

/** Part of an object: the member that is there. */
export interface UnionCodec {
  write(writer: Writer, value: Plain): void
  /** Answers the member; `undefined`: the field is none of them, and nothing was read. */
  read(reader: Reader, tag: number): Plain | undefined
}

interface Member {
  /** As it is called in plain objects. */
  readonly name: string
  readonly tag: number
  readonly codec: ValueCodec
}

type CodecOf = (desc: DescMessage) => MessageCodec

function membersOf(oneof: DescOneof, codecOf: CodecOf, nameOf: (name: string) => string): readonly Member[] {
  return oneof.fields.map((field) => {
    const codec = valueCodec(field, codecOf)
    return { name: nameOf(field.localName), tag: field.number * 8 + codec.wire, codec }
  })
}

/** A union that tells its members apart by a member of theirs; `undefined` if the message is none. */
export function discriminated(desc: DescMessage, codecOf: CodecOf): MessageCodec | undefined {
  const [oneof] = desc.oneofs
  if (oneof === undefined || !DISCRIMINATORS.has(oneof.name)) return undefined
  const by = oneof.localName
  const members = membersOf(oneof, codecOf, kebab)
  const byName = new Map(members.map((member) => [member.name, member]))
  const byTag = new Map(members.map((member) => [member.tag, member]))
  return {
    write(writer, value) {
      const member = byName.get((value as Readonly<Record<string, string>>)[by]!)
      if (member === undefined) throw unreadable(`${desc.name} has no such ${by}`)
      writer.varint(member.tag)
      member.codec.write(writer, value)
    },
    read(reader, end) {
      let found: Plain | undefined
      while (reader.at < end) {
        const tag = reader.varint()
        const member = byTag.get(tag)
        if (member === undefined) reader.skip(tag % 8)
        else found = { [by]: member.name, ...(member.codec.read(reader) as Plain) }
      }
      if (reader.at !== end) throw unreadable('a message in it does not end where it should')
      if (found === undefined) throw unreadable(`${desc.name} is none of its members`)
      return found
    },
  }
}

/** A union that is the member that is there; `undefined` if the message has none. */
export function keyed(desc: DescMessage, codecOf: CodecOf): UnionCodec | undefined {
  const [oneof] = desc.oneofs
  if (oneof === undefined) return undefined
  const members = membersOf(oneof, codecOf, (name) => name)
  const byTag = new Map(members.map((member) => [member.tag, member]))
  return {
    write(writer, value) {
      for (const { name, tag, codec } of members) {
        const member = value[name]
        if (member === undefined || member === null) continue
        writer.varint(tag)
        codec.write(writer, member)
        return
      }
    },
    read(reader, tag) {
      const member = byTag.get(tag)
      return member === undefined ? undefined : { [member.name]: member.codec.read(reader) }
    },
  }
}

/** `isolatedCrash` is `isolated-crash`. */
function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
