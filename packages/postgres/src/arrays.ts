/** Arrays of parameters in Postgres' binary form: nothing to escape, nothing to parse on the other side. */

const OID = { uuid: 2950, int4: 23, int8: 20, text: 25 } as const
const HEADER = 20

function header(into: Buffer, oid: number, count: number): void {
  into.writeInt32BE(1, 0)
  // whether there are NULLs; saying so does no harm
  into.writeInt32BE(1, 4)
  into.writeInt32BE(oid, 8)
  into.writeInt32BE(count, 12)
  into.writeInt32BE(1, 16)
}

const DASH = 45

function digitOf(code: number): number {
  return code > 57 ? code - 87 : code - 48
}

/** UUIDs in canonical form. */
export function uuids(ids: readonly string[]): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + 20 * ids.length)
  header(buffer, OID.uuid, ids.length)
  let to = HEADER
  for (const id of ids) {
    to = buffer.writeInt32BE(16, to)
    for (let from = 0; from < 36; from += 2) {
      if (id.charCodeAt(from) === DASH) from += 1
      buffer[to++] = (digitOf(id.charCodeAt(from)) << 4) | digitOf(id.charCodeAt(from + 1))
    }
  }
  return buffer
}

export function int4s(values: readonly number[]): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + 8 * values.length)
  header(buffer, OID.int4, values.length)
  let to = HEADER
  for (const value of values) to = buffer.writeInt32BE(value, buffer.writeInt32BE(4, to))
  return buffer
}

export function int8s(values: readonly (bigint | number)[]): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + 12 * values.length)
  header(buffer, OID.int8, values.length)
  let to = HEADER
  for (const value of values) to = buffer.writeBigInt64BE(BigInt(value), buffer.writeInt32BE(8, to))
  return buffer
}

/** Texts without U+0000. */
export function texts(values: readonly (string | null)[]): Buffer {
  let size = HEADER + 4 * values.length
  for (const value of values) if (value !== null) size += 3 * value.length
  const buffer = Buffer.allocUnsafe(size)
  header(buffer, OID.text, values.length)
  let to = HEADER
  for (const value of values) {
    const length = value === null ? -1 : buffer.write(value, to + 4)
    buffer.writeInt32BE(length, to)
    to += 4 + Math.max(length, 0)
  }
  return buffer.subarray(0, to)
}
