/** How words are kept that only this store writes into its rows. What it shares with others is in core. */
import type { Reclaimed } from '@millrace/core/store'

/**
/**
 * Bits of a task's flags. `told`: its history has the latest claim already; `inOrder`: it is in a series; `late`: but not
 * yet, since it came in a transaction of the user's; `keyWaits`: it holds its unique key only while it waits.
 */
export const FLAG = {
  madeByUser: 1,
  held: 2,
  parent: 4,
  child: 8,
  told: 16,
  inOrder: 32,
  late: 64,
  keyWaits: 128,
} as const

const CAUSES: readonly Reclaimed['cause'][] = ['deadline', 'cancel', 'lapsed', 'timeout']

export function causeCode(cause: Reclaimed['cause']): number {
  return CAUSES.indexOf(cause)
}

export function causeOf(code: number): Reclaimed['cause'] {
  return CAUSES[code]!
}

/** The 16 hex digits of a nonce from the signed 64-bit integer that the tables keep. */
export function nonceOf(value: bigint | string): string {
  return BigInt.asUintN(64, BigInt(value)).toString(16).padStart(16, '0')
}
