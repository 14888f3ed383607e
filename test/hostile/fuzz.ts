/** Both fuzzers, on a server that is made anew now and then: a store does not stay as it was furnished for long. */
import { Chance } from './chance.ts'
import { Front } from './front.ts'
import { fuzzGrpc, servedMethods } from './grpc-fuzz.ts'
import { Judge } from './judge.ts'
import { fuzzRest } from './rest-fuzz.ts'

/** By which wire. */
export type Wire = 'rest' | 'grpc'

export interface FuzzPlan {
  readonly wire: Wire
  readonly requests: number
  readonly seed: number
}

export interface FuzzVerdict {
  readonly problems: readonly string[]
  readonly fates: Readonly<Record<'accepted' | 'refused' | 'unknown', number>>
  /** How often each answer came. */
  readonly answers: Readonly<Record<string, number>>
  /** Methods of gRPC that were called. */
  readonly methods: number
}

/** Requests that meet one store. A run is repeated from the seed of its round on: `--seed SEED --requests 250`. */
const ROUND = 250

/** Throws as many requests as the plan says. */
export async function fuzz({ wire, requests, seed }: FuzzPlan): Promise<FuzzVerdict> {
  const problems: string[] = []
  const fates = { accepted: 0, refused: 0, unknown: 0 }
  const answers: Record<string, number> = {}
  const gone: unknown[] = []
  const hear = (error: unknown): void => void gone.push(error)
  process.on('uncaughtException', hear)
  process.on('unhandledRejection', hear)
  let methods: Awaited<ReturnType<typeof servedMethods>> = []
  try {
    for (let round = 0; round * ROUND < requests; round++) {
      await using front = await Front.start()
      if (methods.length === 0) methods = await servedMethods(front)
      const judge = await Judge.over(front)
      const [label, count] = [
        `--only ${wire} --seed ${seed + round}`,
        Math.min(ROUND, requests - round * ROUND),
      ]
      const scene = { front, judge, chance: new Chance(seed + round), methods }
      await (wire === 'rest' ? fuzzRest(scene, count, label) : fuzzGrpc(scene, count, label))
      problems.push(...judge.problems)
      for (const error of gone.splice(0)) problems.push(`${label}: nobody caught ${String(error)}`)
      for (const kind of ['accepted', 'refused', 'unknown'] as const) fates[kind] += judge.fates[kind]
      for (const [answer, times] of judge.counts) answers[answer] = (answers[answer] ?? 0) + times
    }
  } finally {
    process.off('uncaughtException', hear)
    process.off('unhandledRejection', hear)
  }
  return { problems, fates, answers, methods: methods.length }
}
