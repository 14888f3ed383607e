import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Platform } from '../../src/platform/platform.ts'
import { checkedTaskId, IdMaker, nameBasedId, newNonce, taskId } from '../../src/task/ids.ts'
import { named, refusal } from './refusals.ts'

/** A platform whose clock is set by hand and whose chance is a counter, or what is given. */
function fake(wallMs: number, chance?: number): Platform & { wall: number } {
  let drawn = 0
  return {
    wall: wallMs,
    wallMs() {
      return this.wall
    },
    monotonicMs: () => 0,
    random32: () => chance ?? (drawn++ * 2_654_435_761) >>> 0,
    setTimer: () => ({ cancel: () => {} }),
    soon: () => {},
    threads: 'none',
  }
}

function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}

const V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe('ids of version 7', () => {
  test('carry the time, the version and the variant', () => {
    // the example of RFC 9562, appendix A.6
    const id = new IdMaker(fake(0x017f22e279b0)).next()
    expect(id).toMatch(V7)
    expect(id.slice(0, 15)).toBe('017f22e2-79b0-7')
    expect(timeOf(id)).toBe(0x017f22e279b0)
  })

  test.each([
    ['all bits one', 0xffff_ffff, '017f22e2-79b0-77ff-bfff-ffffffffffff'],
    ['all bits zero', 0, '017f22e2-79b0-7000-8000-000000000000'],
  ])('keep their form with %s', (_, chance, id) => {
    expect(new IdMaker(fake(0x017f22e279b0, chance)).next()).toBe(id)
    expect(checkedTaskId(id)).toBe(id)
  })

  test.each<[name: string, move: (platform: { wall: number }, round: number) => void]>([
    ['while the clock stands', () => {}],
    ['while the clock goes', (platform, round) => (platform.wall += round % 7 === 0 ? 1 : 0)],
    ['while the clock goes back', (platform, round) => (platform.wall -= round % 3 === 0 ? 1_000 : 0)],
    ['while the clock jumps about', (platform, round) => (platform.wall += (round % 11) * 50 - 245)],
  ])('100 000 of them sort in the order in which they were made, %s', (_, move) => {
    const platform = fake(1_700_000_000_000)
    const maker = new IdMaker(platform)
    let last = ''
    let unsorted = 0
    for (let round = 0; round < 100_000; round++) {
      const id = maker.next()
      if (id <= last) unsorted += 1
      last = id
      move(platform, round)
    }
    expect(unsorted).toBe(0)
    expect(last).toMatch(V7)
  })

  test('when the counter runs over, the time counts on by one', () => {
    const platform = fake(1_000, 0x7ff)
    const maker = new IdMaker(platform)
    const ids = Array.from({ length: 0xfff - 0x7ff + 2 }, () => maker.next())
    expect(ids.at(-2)).toMatch(/-7fff-/)
    expect(ids.slice(0, -1).every((id) => timeOf(id) === 1_000)).toBe(true)
    expect(timeOf(ids.at(-1)!)).toBe(1_001)
    expect(ids.at(-1)).toMatch(/-77ff-/)
    platform.wall = 1_001
    expect(maker.next()).toMatch(/-7800-/)
    platform.wall = 1_002
    expect(timeOf(maker.next())).toBe(1_002)
  })
})

describe('ids from a name', () => {
  test('are of version 5, as RFC 9562 has it', () => {
    // appendix A.4: www.example.com in the namespace of DNS
    const dns = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'
    expect(nameBasedId(dns, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2')
  })

  test('follow its algorithm for names beyond ASCII', () => {
    const namespace = '6f1c9b0e-3a58-4c7d-9d41-52e7a8b3f604'
    const name = JSON.stringify(['Rechnung', '№ 42 🧾'])
    const digest = createHash('sha1')
      .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
      .update(name)
      .digest()
    digest[6] = (digest[6]! & 0x0f) | 0x50
    digest[8] = (digest[8]! & 0x3f) | 0x80
    const expected = digest
      .toString('hex', 0, 16)
      .replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5')
    expect(taskId('Rechnung', '№ 42 🧾')).toBe(expected)
  })

  test('are the same for good', () => {
    expect(taskId('order', '42')).toBe('a04d36c3-22ef-5152-87f8-cbe31e821fc3')
    expect(checkedTaskId(taskId('order', '42'))).toBe(taskId('order', '42'))
  })

  test('differ when the name does, however it is cut into parts', () => {
    const names: [string, ...string[]][] = [
      ['invoice', '42'],
      ['invoice4', '2'],
      ['invoice42'],
      ['invoice', '4', '2'],
      ['invoice', '42', ''],
      ['', 'invoice', '42'],
      ['invoice","42'],
      ['Invoice', '42'],
      [''],
      ['\ud800'],
      ['\udfff'],
    ]
    expect(new Set(names.map((name) => taskId(...name))).size).toBe(names.length)
  })

  test.each<unknown[][]>([[[]], [[42]], [['order', 42]], [['order', undefined]], [[null]]])(
    'refuse %j',
    (parts) => {
      const error = refusal('invalid-argument', () => taskId(...(parts as [string])))
      expect(error.hint).toContain("taskId('order', '42')")
    },
  )
})

describe('ids that a user gives', () => {
  test.each([
    ['017f22e2-79b0-7cc3-98c4-dc0c0c07398f', '017f22e2-79b0-7cc3-98c4-dc0c0c07398f'],
    ['017F22E2-79B0-7CC3-98C4-DC0C0C07398F', '017f22e2-79b0-7cc3-98c4-dc0c0c07398f'],
    ['2ed6657d-e927-568b-95e1-2665a8aea6a2', '2ed6657d-e927-568b-95e1-2665a8aea6a2'],
    ['919108f7-52d1-4320-9bac-f847db4148a8', '919108f7-52d1-4320-9bac-f847db4148a8'],
  ])('%s becomes %s', (given, canonical) => {
    expect(checkedTaskId(given)).toBe(canonical)
  })

  test.each(
    named<unknown>([
      '',
      '42',
      'order-42',
      '017f22e279b07cc398c4dc0c0c07398f',
      '{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}',
      ' 017f22e2-79b0-7cc3-98c4-dc0c0c07398f',
      '017f22e2-79b0-7cc3-98c4-dc0c0c07398f\n',
      '017f22e2-79b0-0cc3-98c4-dc0c0c07398f',
      '017f22e2-79b0-9cc3-98c4-dc0c0c07398f',
      '017f22e2-79b0-7cc3-c8c4-dc0c0c07398f',
      '017g22e2-79b0-7cc3-98c4-dc0c0c07398f',
      'x'.repeat(1_000_000),
      '00000000-0000-0000-0000-000000000000',
      'ffffffff-ffff-ffff-ffff-ffffffffffff',
      null,
      undefined,
      42,
      5n,
      Symbol('id'),
      {},
      [],
    ]),
  )('%s is refused', (_, given) => {
    const error = refusal('invalid-argument', () => checkedTaskId(given, 'A parent'))
    expect(error.message).toMatch(/^A parent is .*, which is no UUID\.$/s)
    expect(error.message.length).toBeLessThan(160)
    expect(error.hint).toContain('taskId(')
  })
})

test('a nonce is sixteen hex digits', () => {
  expect(newNonce(fake(0, 0))).toBe('0000000000000000')
  expect(newNonce(fake(0, 0xffff_ffff))).toBe('ffffffffffffffff')
})
