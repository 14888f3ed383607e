/** What operations that end claims leave behind under the limits: slots that are given back, keys that are shut. */
import { int8s, texts } from './arrays.ts'
import {
  FORGET_KEYS,
  FORGET_LIMITS,
  GIVE_BACK,
  NAME_LIMITS,
  SHUT_KEYS,
  UNSET_LIMITS,
} from './statements/limits.ts'
import { LATE_SLOTS } from './statements/series.ts'
import type { Pass } from './pass.ts'

export async function saveLimits(pass: Pass): Promise<void> {
  const { connection, now } = pass
  const shut = pass.shut.splice(0)
  if (shut.length > 0) {
    await connection.run(NAME_LIMITS, [texts(shut.map(({ name }) => name))])
    await connection.run(SHUT_KEYS, [
      texts(shut.map(({ name }) => name)),
      texts(shut.map(({ key }) => key)),
      int8s(shut.map(({ ms }) => now + ms)),
    ])
  }
  const counted = pass.counted.splice(0)
  if (counted.length > 0) await connection.run(GIVE_BACK, [texts(counted)])
}

/** How many keys are forgotten at once. */
const FORGOTTEN_MAX = 10_000

/** Keys of which nothing is used, and no time is left to run. */
export async function forgetKeys({ connection, now }: Pass): Promise<void> {
  await connection.run(FORGET_KEYS, [now, FORGOTTEN_MAX])
  const rows = await connection.rows<[string]>(UNSET_LIMITS)
  if (rows.length > 0) await connection.run(FORGET_LIMITS, [texts(rows.map(([name]) => name))])
}

/** Gives back the slots of tasks that ended in transactions of users'. */
export async function takeUpLateSlots(pass: Pass, slotsMax: number): Promise<number> {
  const rows = await pass.connection.rows<[counted: string]>(LATE_SLOTS, [slotsMax])
  if (rows.length === 0) return 0
  await pass.connection.run(GIVE_BACK, [texts(rows.map(([counted]) => counted))])
  pass.hint.ready = true
  return rows.length
}
