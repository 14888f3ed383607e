/** Messages of gRPC, made as their descriptors say, with something wrong in them now and then. */
import { getOption, ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf'
import { form, Form, max } from '../../packages/server/src/wire/generated/millrace/v1/forms_pb.ts'
import type { Chance } from './chance.ts'

const VARINT = 0
const DOUBLE = 1
const BYTES = 2
const DEPTH_MAX = 8

const IDS = [
  '0198c0de-0000-7000-8000-000000000001',
  '0198c0de-0000-7000-8000-00000000aaaa',
  '0198c0de-0000-7000-8000-00000000bbbb',
]
const NAMES = ['default', 'media', 'media.video', 'greet', 'stripe', 'nightly']
const TEXTS = ['k', 'Ada', '{"name":"Ada"}', 'null', '[]', '30 2 * * *', 'Europe/Berlin', '']
const ODD_TEXTS = [
  '\u0000',
  '__proto__',
  'constructor',
  '💣'.repeat(300),
  'x'.repeat(5_000),
  '{"__proto__":{"polluted":true}}',
  '['.repeat(20_000),
  "'; DROP TABLE tasks; --",
  '../../etc/passwd',
  '1e999',
]
const ODD_NUMBERS = [0n, 1n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 47n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]

/** The bytes of a whole number. */
function varint(value: bigint | number): Buffer {
  const bytes: number[] = []
  let left = BigInt.asUintN(64, BigInt(value))
  do {
    bytes.push(Number(left & 0x7fn) | (left > 0x7fn ? 0x80 : 0))
    left >>= 7n
  } while (left > 0n)
  return Buffer.from(bytes)
}

function tagged(number: number, wire: number, value: Buffer): Buffer {
  const tag = varint(number * 8 + wire)
  return wire === BYTES ? Buffer.concat([tag, varint(value.length), value]) : Buffer.concat([tag, value])
}

export class Messages {
  readonly #chance: Chance

  constructor(chance: Chance) {
    this.#chance = chance
  }

  /** Half of them as they should be, as far as one can tell from the descriptor. */
  make(desc: DescMessage): Buffer {
    const chance = this.#chance
    const good = this.#message(desc, 0, chance.once(2) ? 0 : 12)
    return chance.once(4) ? this.#spoilt(good) : good
  }

  /** @param odd once in so many fields something is wrong; 0: never */
  #message(desc: DescMessage, depth: number, odd: number): Buffer {
    const parts: Buffer[] = []
    if (depth > DEPTH_MAX) return Buffer.alloc(0)
    const chance = this.#chance
    const chosen = new Set(desc.oneofs.map((oneof) => chance.one(oneof.fields)))
    for (const field of desc.fields) {
      if (field.oneof !== undefined && !field.proto.proto3Optional && !chosen.has(field)) continue
      if (field.proto.proto3Optional && !chance.once(depth + 2)) continue
      if (odd > 0 && chance.once(odd)) parts.push(...this.#odd(field, depth))
      else parts.push(...this.#field(field, depth, odd))
    }
    return Buffer.concat(parts)
  }

  #field(field: DescField, depth: number, odd: number): readonly Buffer[] {
    const { number, fieldKind } = field
    if (fieldKind === 'map') {
      if (this.#chance.once(2)) return []
      const entry = [tagged(1, BYTES, Buffer.from('k')), tagged(2, BYTES, Buffer.from('Ada'))]
      return [tagged(number, BYTES, Buffer.concat(entry))]
    }
    const count = fieldKind === 'list' ? this.#chance.below(3) : 1
    return Array.from({ length: count }, () => {
      const [wire, value] = this.#value(field, depth, odd)
      return tagged(number, wire, value)
    })
  }

  #value(field: DescField, depth: number, odd: number): readonly [wire: number, value: Buffer] {
    const chance = this.#chance
    if (field.message !== undefined) return [BYTES, this.#message(field.message, depth + 1, odd)]
    if (field.enum !== undefined) {
      const known = field.enum.values.filter(({ number }) => number !== 0)
      return [VARINT, varint(chance.one(known).number)]
    }
    switch (field.fieldKind === 'map' ? undefined : field.scalar) {
      case ScalarType.STRING:
        return [BYTES, Buffer.from(this.#text(field))]
      case ScalarType.BYTES:
        return [BYTES, chance.bytes(chance.below(20))]
      case ScalarType.DOUBLE: {
        const bytes = Buffer.alloc(8)
        bytes.writeDoubleLE(chance.below(100) / 10)
        return [DOUBLE, bytes]
      }
      case ScalarType.BOOL:
        return [VARINT, varint(chance.below(2))]
      default:
        return [VARINT, varint(Math.min(chance.below(40), getOption(field, max) || 40))]
    }
  }

  #text(field: DescField): string {
    const chance = this.#chance
    switch (getOption(field, form)) {
      case Form.UUID:
        return chance.once(3) ? freshId(chance) : chance.one(IDS)
      case Form.NONCE:
        return chance.bytes(8).toString('hex')
      case Form.NAME:
      case Form.OFFER:
        return chance.one(NAMES)
      default:
        return chance.one(chance.once(2) ? NAMES : TEXTS)
    }
  }

  /** What no client of ours would write there. */
  #odd({ number, fieldKind }: DescField, depth: number): readonly Buffer[] {
    const chance = this.#chance
    const text = Buffer.from(chance.one(ODD_TEXTS))
    switch (chance.below(7)) {
      case 0:
        return []
      case 1:
        return [tagged(number, BYTES, text)]
      case 2:
        return [tagged(number, VARINT, varint(chance.one(ODD_NUMBERS)))]
      case 3: {
        const odd = chance.one([Number.NaN, Infinity, -1, -0, 5e-324, 1e308])
        const bytes = Buffer.alloc(8)
        bytes.writeDoubleLE(odd)
        return [tagged(number, DOUBLE, bytes)]
      }
      case 4:
        return [tagged(number, BYTES, Buffer.from([0xff, 0xfe, 0xc0, 0x80]))]
      case 5:
        // messages in messages, a thousand deep, or a list with more than anybody needs
        return fieldKind === 'list' && depth < 2
          ? [Buffer.concat(Array.from({ length: 2_000 }, () => tagged(number, BYTES, Buffer.alloc(0))))]
          : [nested(number, 1_000)]
      default:
        return [tagged(19_999 + chance.below(1_000), chance.one([VARINT, BYTES]), varint(1))]
    }
  }

  /** Bytes that are no message, or another one. */
  #spoilt(bytes: Buffer): Buffer {
    const chance = this.#chance
    const at = chance.below(bytes.length + 1)
    switch (chance.below(6)) {
      case 0:
        return bytes.subarray(0, at)
      case 1:
        return Buffer.concat([bytes.subarray(0, at), chance.bytes(1 + chance.below(8)), bytes.subarray(at)])
      case 2:
        return chance.bytes(chance.below(200))
      case 3:
        return Buffer.concat([bytes, Buffer.alloc(11, 0xff)])
      case 4:
        return Buffer.concat([bytes, bytes])
      default: {
        const changed = Buffer.from(bytes)
        if (changed.length > 0) changed[at % changed.length]! ^= 1 << chance.below(8)
        return changed
      }
    }
  }
}

function freshId(chance: Chance): string {
  const hex = chance.bytes(8).toString('hex')
  return `0198c0de-0000-7000-8${hex.slice(0, 3)}-${hex.slice(3, 15)}`
}

function nested(number: number, depth: number): Buffer {
  let inner = Buffer.alloc(0)
  for (let level = 0; level < depth; level++) inner = Buffer.from(tagged(number, BYTES, inner))
  return inner
}
