/**
 * Whose turn it is, per queue and level: `queue.level.partition.lane.rest`. A claim goes on behind that partition, or,
 * where something is left of its turn, with it. The lane is where it goes on in a partition that is alone; else -1.
 */
import { int4s, int8s } from './arrays.ts'

/** As the port has it. */
const CHARS_MAX = 4_096
const SPOT = /^\d{1,9}\.[0-4]\.\d{1,19}\.-?\d{1,19}\.\d{1,9}$/
const NUMBER_MAX = 2n ** 63n - 1n

type Spot = readonly [queue: bigint, level: bigint, partition: bigint, lane: bigint, rest: bigint]

/** What is no spot is left out: any text is a turn. As the claim takes them: five lists. */
export function turnLists(turn: string | null): readonly Buffer[] {
  const spots = turn === null || turn.length > CHARS_MAX ? [] : turn.split(',').filter(isSpot).map(spotOf)
  return [
    int4s(spots.map(([queue]) => Number(queue))),
    int4s(spots.map(([, level]) => Number(level))),
    int8s(spots.map(([, , partition]) => partition)),
    int8s(spots.map(([, , , lane]) => lane)),
    int4s(spots.map(([, , , , rest]) => Number(rest))),
  ]
}

function isSpot(text: string): boolean {
  return SPOT.test(text) && spotOf(text).every((number) => number >= -1n && number <= NUMBER_MAX)
}

function spotOf(text: string): Spot {
  return text.split('.').map(BigInt) as unknown as Spot
}

/** As many as fit, as the claim answered them: the newest first. */
export function writeTurn(turn: string | null): string | null {
  if (turn === null || turn.length <= CHARS_MAX) return turn
  return turn.slice(0, turn.lastIndexOf(',', CHARS_MAX))
}
