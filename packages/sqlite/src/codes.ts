/** How ids are kept: as 16 bytes. */

/** The 16 bytes of a UUID. */
export function idBytes(id: string): Uint8Array {
  const bytes = new Uint8Array(16)
  writeId(bytes, 0, id)
  return bytes
}

/** Writes the 16 bytes of a canonical UUID. Faster than Buffer's hex, which would need the dashes cut out first. */
export function writeId(into: Uint8Array, at: number, id: string): void {
  let to = at
  for (let from = 0; from < 36; from += 2) {
    if (id.charCodeAt(from) === DASH) from += 1
    into[to++] = (digitOf(id.charCodeAt(from)) << 4) | digitOf(id.charCodeAt(from + 1))
  }
}

const DASH = 45

function digitOf(code: number): number {
  return code > 57 ? code - 87 : code - 48
}

/** A UUID from 32 lower-case hex digits. */
export function idFromHex(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

const DIGITS = Buffer.from('0123456789abcdef')

/** UUIDs from 16 bytes each. They are written out as bytes first: joining parts of strings makes twice the garbage. */
export function idsFromBytes(bytes: Uint8Array): string[] {
  const count = bytes.length / 16
  const text = Buffer.allocUnsafe(36 * count)
  let to = 0
  for (let from = 0; from < bytes.length; from++) {
    const byte = bytes[from]!
    const position = from & 15
    if (position === 4 || position === 6 || position === 8 || position === 10) text[to++] = DASH
    text[to++] = DIGITS[byte >> 4]!
    text[to++] = DIGITS[byte & 15]!
  }
  return Array.from({ length: count }, (_, index) => text.toString('latin1', 36 * index, 36 * index + 36))
}
