import { describe, expect, test } from 'vitest'
import { topologicalOrder } from '../../src/policy/graph.ts'

type Graph = readonly (readonly number[])[]

function orderOf(parents: Graph): number[] {
  const sorted = topologicalOrder(parents)
  if ('order' in sorted) return sorted.order
  throw new Error(`a circle: ${sorted.cycle.join(', ')}`)
}

function cycleOf(parents: Graph): number[] {
  const sorted = topologicalOrder(parents)
  if ('cycle' in sorted) return sorted.cycle
  throw new Error(`no circle: ${sorted.order.join(', ')}`)
}

/** Whether each node of the circle waits for the next, and the last for the first. */
function isCycle(parents: Graph, cycle: readonly number[]): boolean {
  const closed = cycle.every((node, index) => parents[node]!.includes(cycle[(index + 1) % cycle.length]!))
  return closed && cycle.length > 0 && new Set(cycle).size === cycle.length
}

describe('parents come first, and else the order stays', () => {
  test.each<[name: string, parents: Graph, order: number[]]>([
    ['nothing', [], []],
    ['one', [[]], [0]],
    ['no edges', [[], [], []], [0, 1, 2]],
    ['a chain in order', [[], [0], [1]], [0, 1, 2]],
    ['a chain backwards', [[1], [2], []], [2, 1, 0]],
    ['a diamond', [[], [0], [0], [1, 2]], [0, 1, 2, 3]],
    ['in order with strangers between', [[], [0], [], [1], [2, 0]], [0, 1, 2, 3, 4]],
    ['a parent behind its child', [[2], [], []], [2, 0, 1]],
    ['two parents behind, in the order of `after`', [[3, 2], [], [], []], [3, 2, 0, 1]],
    ['one parent twice', [[1, 1], []], [1, 0]],
    ['a collector first', [[1, 2, 3], [], [], []], [1, 2, 3, 0]],
  ])('%s', (_, parents, order) => {
    expect(orderOf(parents)).toEqual(order)
  })
})

describe('a circle is named', () => {
  test.each<[name: string, parents: Graph, cycle: number[]]>([
    ['of one', [[0]], [0]],
    ['of two', [[1], [0]], [0, 1]],
    ['of three', [[1], [2], [0]], [0, 1, 2]],
    ['behind others', [[], [0], [3], [4, 0], [2]], [2, 3, 4]],
    ['without those that only wait for it', [[1], [2], [1]], [1, 2]],
  ])('%s', (_, parents, cycle) => {
    expect(cycleOf(parents)).toEqual(cycle)
    expect(isCycle(parents, cycle)).toBe(true)
  })
})

/** A generator of small whole numbers that repeats itself (Mulberry32, T. Ettinger). */
function chance(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** By brute force: whether any node is its own ancestor. */
function hasCycle(parents: Graph): boolean {
  const above = parents.map((of) => new Set(of))
  for (let round = 0; round < parents.length; round++) {
    for (const ancestors of above) {
      for (const node of ancestors) for (const more of above[node]!) ancestors.add(more)
    }
  }
  return above.some((ancestors, node) => ancestors.has(node))
}

/** Whether the order holds every node once, behind its parents, and stays as it is when it is sorted again. */
function isOrder(parents: Graph, order: readonly number[]): boolean {
  const places = parents.map((_, node) => order.indexOf(node))
  const behind = parents.every((of, node) => of.every((parent) => places[parent]! < places[node]!))
  const renamed = order.map((node) => parents[node]!.map((parent) => places[parent]!))
  const stays = orderOf(renamed).every((node, place) => node === place)
  return order.length === parents.length && !places.includes(-1) && behind && stays
}

test('random graphs: the order is right, or there is a circle', () => {
  const found = { orders: 0, cycles: 0, wrong: 0 }
  for (let seed = 1; seed <= 2_000; seed++) {
    const next = chance(seed)
    const size = 1 + next(9)
    const parents = Array.from({ length: size }, () => Array.from({ length: next(3) }, () => next(size)))
    const sorted = topologicalOrder(parents)
    const cyclic = 'cycle' in sorted
    const right = cyclic ? isCycle(parents, sorted.cycle) : isOrder(parents, sorted.order)
    found[cyclic ? 'cycles' : 'orders'] += 1
    if (!right || cyclic !== hasCycle(parents)) found.wrong += 1
  }
  expect(found.wrong).toBe(0)
  expect(Math.min(found.orders, found.cycles)).toBeGreaterThan(300)
})

describe('50 000 nodes', () => {
  const SIZE = 50_000
  const nodes = Array.from({ length: SIZE }, (_, node) => node)

  test.each<[name: string, parents: Graph]>([
    ['a chain backwards', nodes.map((node) => (node + 1 < SIZE ? [node + 1] : []))],
    ['one collector of all', nodes.map((node) => (node === 0 ? nodes.slice(1) : []))],
    ['a ladder', nodes.map((node) => (node < 2 ? [] : [node - 1, node - 2]))],
    ['no edges', nodes.map(() => [])],
  ])('%s', (_, parents) => {
    expect(orderOf(parents)).toHaveLength(SIZE)
  })

  test('a circle through all', () => {
    expect(cycleOf(nodes.map((node) => [(node + 1) % SIZE]))).toHaveLength(SIZE)
  })
})
