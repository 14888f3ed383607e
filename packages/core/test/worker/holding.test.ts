/** Holding: one settlement at a time, until the one that ends the claim. */
import { describe, expect, test } from 'vitest'
import { Holding } from '../../src/worker/holding.ts'
import type { Transition, Verdict } from '../../src/store/settlement.ts'

const FENCE = { task: '00000000-0000-4000-8000-000000000001', epoch: 1, nonce: '0123456789abcdef' }
const SUCCESS: Transition = { to: 'succeeded', result: '1' }
const RETRY: Transition = { to: 'pending', count: 'failure', delayMs: 0, error: null }

function ending(): { readonly verdicts: Verdict[]; readonly done: (verdict: Verdict) => void } {
  const verdicts: Verdict[] = []
  return { verdicts, done: (verdict) => void verdicts.push(verdict) }
}

/** What became of a promise so far. */
function fate(promise: Promise<unknown>): () => string {
  let state = 'pending'
  promise.then(
    () => (state = 'written'),
    (error: { code: string }) => (state = error.code),
  )
  return () => state
}

async function ticks(): Promise<void> {
  for (let n = 0; n < 5; n++) await Promise.resolve()
}

test('with nothing to write there is no settlement', () => {
  const holding = new Holding(FENCE)
  expect(holding.pending).toBe(false)
  expect(holding.takeSettlement()).toBeNull()
})

test('progress and logs are coalesced: the last progress, the newest hundred lines', () => {
  const holding = new Holding(FENCE)
  for (let n = 0; n < 150; n++) {
    holding.note({ fraction: n / 150, message: null })
    holding.log({ at: n, level: 'info', message: `line ${n}`, data: null })
  }
  const settlement = holding.takeSettlement()!
  expect(settlement).toMatchObject({ fence: FENCE, seq: 1, transition: { to: 'running', checkpoint: null } })
  expect(settlement.notes!.progress).toEqual({ fraction: 149 / 150, message: null })
  expect(settlement.notes!.logs.map(({ at }) => at)).toEqual(Array.from({ length: 100 }, (_, n) => n + 50))
})

test('while one settlement is under way there is no other; what comes meanwhile goes with the next', () => {
  const holding = new Holding(FENCE)
  holding.note({ fraction: 0.1, message: null })
  const first = holding.takeSettlement()!
  holding.note({ fraction: 0.2, message: null })
  const { verdicts, done } = ending()
  holding.end(SUCCESS, done)
  expect(holding.takeSettlement()).toBeNull()
  holding.settled(first, 'applied')
  const second = holding.takeSettlement()!
  expect(second).toMatchObject({ seq: 2, transition: SUCCESS, notes: { progress: { fraction: 0.2 } } })
  holding.settled(second, 'applied')
  expect(verdicts).toEqual(['applied'])
  expect(holding.pending).toBe(false)
  holding.note({ fraction: 0.3, message: null })
  expect(holding.takeSettlement()).toBeNull()
})

test('the first ending stands', () => {
  const holding = new Holding(FENCE)
  const { verdicts, done } = ending()
  const late = ending()
  holding.end(RETRY, done)
  holding.end(SUCCESS, late.done)
  const settlement = holding.takeSettlement()!
  expect(settlement.transition).toBe(RETRY)
  holding.settled(settlement, 'cancelled')
  expect([verdicts, late.verdicts]).toEqual([['cancelled'], []])
})

describe('checkpoints', () => {
  test('of several the last is written, and all are acknowledged', async () => {
    const holding = new Holding(FENCE)
    const fates = ['1', '2'].map((payload) => fate(holding.checkpoint(payload)))
    const settlement = holding.takeSettlement()!
    const later = fate(holding.checkpoint('3'))
    expect(settlement.transition).toEqual({ to: 'running', checkpoint: '2' })
    holding.settled(settlement, 'applied')
    await ticks()
    expect([...fates.map((state) => state()), later()]).toEqual(['written', 'written', 'pending'])
    expect(holding.takeSettlement()!.transition).toEqual({ to: 'running', checkpoint: '3' })
  })

  test('stale under way: refused, and the holding is lost', async () => {
    const holding = new Holding(FENCE)
    const first = fate(holding.checkpoint('1'))
    const settlement = holding.takeSettlement()!
    const second = fate(holding.checkpoint('2'))
    holding.settled(settlement, 'stale')
    await ticks()
    expect([first(), second(), holding.lost, holding.pending]).toEqual(['fenced', 'fenced', true, false])
  })

  test('one that waits when the end is decided is written first, and then the end', async () => {
    const holding = new Holding(FENCE)
    holding.note({ fraction: 0.1, message: null })
    const first = holding.takeSettlement()!
    const saved = fate(holding.checkpoint('1'))
    const { verdicts, done } = ending()
    holding.end(RETRY, done)
    holding.settled(first, 'applied')
    const second = holding.takeSettlement()!
    expect(second.transition).toEqual({ to: 'running', checkpoint: '1' })
    holding.settled(second, 'applied')
    await ticks()
    expect([saved(), holding.urgent, verdicts]).toEqual(['written', true, []])
    const third = holding.takeSettlement()!
    expect(third).toMatchObject({ seq: 3, transition: RETRY })
    holding.settled(third, 'applied')
    expect(verdicts).toEqual(['applied'])
  })

  test('one that comes after the end was decided is refused, at any time', async () => {
    const holding = new Holding(FENCE)
    holding.end(RETRY, () => undefined)
    const before = fate(holding.checkpoint('1'))
    const settlement = holding.takeSettlement()!
    const during = fate(holding.checkpoint('2'))
    holding.settled(settlement, 'applied')
    const after = fate(holding.checkpoint('3'))
    await ticks()
    expect([before(), during(), after()]).toEqual(['fenced', 'fenced', 'fenced'])
  })
})

describe('a lost lease', () => {
  test('refuses what waits, tells the ending once, and writes nothing more', async () => {
    const holding = new Holding(FENCE)
    const saved = fate(holding.checkpoint('1'))
    holding.lose()
    holding.lose()
    await ticks()
    expect([saved(), holding.takeSettlement()]).toEqual(['fenced', null])
    const { verdicts, done } = ending()
    holding.end(SUCCESS, done)
    expect([verdicts, holding.ended, holding.takeSettlement()]).toEqual([['stale'], false, null])
  })

  test('what is under way may still be applied', async () => {
    const holding = new Holding(FENCE)
    const saved = fate(holding.checkpoint('1'))
    const settlement = holding.takeSettlement()!
    holding.lose()
    holding.settled(settlement, 'applied')
    await ticks()
    expect(saved()).toBe('written')
  })

  test('an ending under way is told once, whatever comes first', () => {
    const holding = new Holding(FENCE)
    const { verdicts, done } = ending()
    holding.end(SUCCESS, done)
    const settlement = holding.takeSettlement()!
    holding.lose()
    holding.settled(settlement, 'applied')
    expect(verdicts).toEqual(['stale'])
  })
})

describe('a settlement in a transaction of the user', () => {
  test('while it is open nothing else is handed out; committed, the claim has ended', () => {
    const holding = new Holding(FENCE)
    holding.log({ at: 1, level: 'info', message: 'with it', data: null })
    const apart = holding.takeApart(SUCCESS)
    expect(apart).toMatchObject({ seq: 1, transition: SUCCESS, notes: { logs: [{ message: 'with it' }] } })
    const { verdicts, done } = ending()
    holding.end(RETRY, done)
    holding.note({ fraction: 1, message: null })
    expect([holding.pending, holding.urgent, holding.takeSettlement()]).toEqual([false, false, null])
    expect(() => holding.takeApart(SUCCESS)).toThrow(expect.objectContaining({ code: 'fenced' }))
    holding.returns('committed')
    expect([holding.ended, holding.pending, holding.takeSettlement()]).toEqual([true, false, null])
    expect(verdicts).toEqual([])
  })

  test('rolled back, the claim goes on as if it had not been, notes and all', () => {
    const holding = new Holding(FENCE)
    holding.log({ at: 1, level: 'info', message: 'one', data: null })
    holding.note({ fraction: 0.1, message: null })
    holding.takeApart(SUCCESS)
    holding.log({ at: 2, level: 'info', message: 'two', data: null })
    const { verdicts, done } = ending()
    holding.end(RETRY, done)
    holding.returns('rolled back')
    const next = holding.takeSettlement()!
    expect(next).toMatchObject({ seq: 2, transition: RETRY, notes: { progress: { fraction: 0.1 } } })
    expect(next.notes!.logs.map(({ message }) => message)).toEqual(['one', 'two'])
    holding.settled(next, 'applied')
    expect(verdicts).toEqual(['applied'])
  })

  test('it waits for what is under way, and for checkpoints', async () => {
    const holding = new Holding(FENCE)
    const written = holding.checkpoint('1')
    const quiet = fate(holding.quiet())
    await ticks()
    expect(quiet()).toBe('pending')
    const settlement = holding.takeSettlement()!
    await ticks()
    expect(quiet()).toBe('pending')
    holding.settled(settlement, 'applied')
    await written
    await ticks()
    expect(quiet()).toBe('written')
  })

  test('a note that it has overtaken says nothing about the lease', () => {
    const holding = new Holding(FENCE)
    holding.note({ fraction: 0.1, message: null })
    const note = holding.takeSettlement()!
    holding.takeApart(SUCCESS)
    holding.settled(note, 'stale')
    expect(holding.lost).toBe(false)
  })

  test('an outcome that is decided, or a lost lease, leaves nothing to settle', () => {
    const [ended, lost] = [new Holding(FENCE), new Holding(FENCE)]
    ended.end(SUCCESS, () => undefined)
    lost.lose()
    for (const holding of [ended, lost])
      expect(() => holding.takeApart(SUCCESS)).toThrow(expect.objectContaining({ code: 'fenced' }))
  })
})
