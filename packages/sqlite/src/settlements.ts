/** On the main thread: settlements as they travel, and their verdicts in the order of the request. */
import { isApart } from './sizes.ts'
import type { Settlement, TaskId, Verdict } from '@millrace/core/store'
import type { PackedExchangeAnswer, SingleSettlement, Successes } from './wire.ts'

/** Successes that are being put together. */
interface Growing {
  readonly epoch: number
  readonly nonce: string
  readonly settled: number
  seqs: string
  readonly results: (string | null)[]
  /** Whether all results are the same so far. */
  alike: boolean
  /** Where each stands in the request. */
  readonly indexes: number[]
}

export interface PackedSettlements {
  readonly successes: readonly Successes[]
  readonly singles: readonly SingleSettlement[]
  /** Of each group of successes, where its settlements stand in the request. */
  readonly groups: readonly (readonly number[])[]
  /** The same of the singles. */
  readonly rest: readonly number[]
}

const NONE: PackedSettlements = { successes: [], singles: [], groups: [], rest: [] }

/**
 * Puts together the successes whose fences differ in nothing but the task. No task is settled twice by one
 * request, so the order of its settlements does not count.
 *
 * @param seqs where claimed tasks stand in the store; one that is not known is looked for there
 */
export function packSettlements(
  settlements: readonly Settlement[],
  seqs: ReadonlyMap<TaskId, number>,
): PackedSettlements {
  if (settlements.length === 0) return NONE
  const growing: Growing[] = []
  const rest: number[] = []
  let last: Growing | undefined
  for (const [index, settlement] of settlements.entries()) {
    const seq = seqs.get(settlement.fence.task)
    const result = plainResult(settlement)
    if (seq === undefined || result === undefined) {
      rest.push(index)
      continue
    }
    if (last === undefined || !belongs(settlement, last)) last = groupFor(settlement, growing)
    last.seqs += last.indexes.length === 0 ? seq : `,${seq}`
    last.alike &&= last.results.length === 0 || last.results[0] === result
    last.results.push(result)
    last.indexes.push(index)
  }
  return {
    successes: growing.map(packed),
    singles: rest.map((index) => single(settlements[index]!, seqs)),
    groups: growing.map(({ indexes }) => indexes),
    rest,
  }
}

/** The result of a success that needs no closer look; `undefined` if it does. */
function plainResult({ transition, notes }: Settlement): string | null | undefined {
  if (transition.to !== 'succeeded' || notes !== null) return undefined
  const { result } = transition
  if (result === null) return null
  return typeof result === 'string' && !isApart(result) ? result : undefined
}

function belongs({ fence, seq }: Settlement, { epoch, nonce, settled }: Growing): boolean {
  return fence.nonce === nonce && fence.epoch === epoch && seq === settled
}

function groupFor(settlement: Settlement, growing: Growing[]): Growing {
  const known = growing.find((group) => belongs(settlement, group))
  if (known !== undefined) return known
  const { epoch, nonce } = settlement.fence
  const group: Growing = {
    epoch,
    nonce,
    settled: settlement.seq,
    seqs: '',
    results: [],
    alike: true,
    indexes: [],
  }
  growing.push(group)
  return group
}

function packed({ epoch, nonce, settled, seqs, results, alike }: Growing): Successes {
  return { count: results.length, seqs, epoch, nonce, settled, result: alike ? results[0]! : results }
}

function single(settlement: Settlement, seqs: ReadonlyMap<TaskId, number>): SingleSettlement {
  return { seq: seqs.get(settlement.fence.task) ?? 0, settlement }
}

/** @param count how many settlements there were */
export function unpackVerdicts(
  { groups, rest }: PackedSettlements,
  answer: Pick<PackedExchangeAnswer, 'successes' | 'singles'>,
  count: number,
): readonly Verdict[] {
  const verdicts = Array.from({ length: count }, (): Verdict => 'applied')
  for (const [group, given] of answer.successes.entries()) {
    if (given === null) continue
    for (const [position, index] of groups[group]!.entries()) verdicts[index] = given[position]!
  }
  for (const [position, index] of rest.entries()) verdicts[index] = answer.singles[position]!
  return verdicts
}
