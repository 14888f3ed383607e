/** All loads. */
import { bytes } from './loads/bytes.ts'
import { cpu } from './loads/cpu.ts'
import { delay } from './loads/delay.ts'
import { fairness } from './loads/fairness.ts'
import { growth } from './loads/growth.ts'
import { idle } from './loads/idle.ts'
import { lanes } from './loads/lanes.ts'
import { pinned } from './loads/pinned.ts'
import { port } from './loads/port.ts'
import { w1 } from './loads/w1.ts'
import { w2 } from './loads/w2.ts'
import { w3 } from './loads/w3.ts'
import { w4 } from './loads/w4.ts'
import { w5 } from './loads/w5.ts'
import { w6 } from './loads/w6.ts'
import type { Case, Load } from './load.ts'

export const LOADS: readonly Load[] = [
  w1,
  w2,
  w3,
  w4,
  w5,
  w6,
  port,
  growth,
  lanes,
  fairness,
  delay,
  cpu,
  bytes,
  idle,
  pinned,
]

/** @throws Error if there is none of that name */
export function caseNamed(name: string): Case {
  const found = LOADS.flatMap(({ cases }) => cases).find((one) => one.name === name)
  if (found !== undefined) return found
  throw new Error(`No case is called ${name}.`)
}
