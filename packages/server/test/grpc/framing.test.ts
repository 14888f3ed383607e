/** Messages are found in what comes, however it is cut. */
import { expect, test } from 'vitest'
import { Framing } from '../../src/grpc/framing.ts'

function framed(length: number): Buffer {
  const bytes = Buffer.alloc(5 + length, 0xff)
  bytes.writeUInt8(0, 0)
  bytes.writeUInt32BE(length, 1)
  return bytes
}

test.each([1, 2, 3, 5, 7, 64, 1_000])('in pieces of %s bytes', (size) => {
  const framing = new Framing()
  const lengths = [0, 70, 3, 0, 200]
  const all = Buffer.concat(lengths.map(framed))
  // which message every byte belongs to, and whether it ends it
  const expected = lengths.flatMap((length) => [
    ...Array.from({ length: 4 }, () => 0),
    ...Array.from({ length: length + 1 }, (_, index) => (index === length ? 0 : length)),
  ])
  for (let at = 0; at < all.length; at += size) {
    const piece = all.subarray(at, at + size)
    expect(framing.take(piece)).toBe(expected[at + piece.length - 1])
  }
})
