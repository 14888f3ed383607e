/** How the suite for authors of stores compares, which has no test runner's assertions. */
import { expect, test } from 'vitest'
import { equal } from '../../src/conformance/expect.ts'

test('bytes are the same whatever kind of array holds them, and the first other one is named', () => {
  const bytes = Uint8Array.of(0, 1, 255)
  expect(() => equal({ payload: Buffer.from(bytes) }, { payload: bytes })).not.toThrow()
  expect(() => equal({ payload: Uint8Array.of(0, 2, 3) }, { payload: bytes })).toThrow(
    'the answer at .payload.1: 2 instead of 1',
  )
  expect(() => equal({ payload: Uint8Array.of(0, 1) }, { payload: bytes })).toThrow(
    'the answer at .payload: bytes of length 2 instead of bytes of length 3',
  )
  expect(() => equal([0, 1, 255], bytes)).toThrow('the answer: [0,1,255] instead of bytes of length 3')
})
