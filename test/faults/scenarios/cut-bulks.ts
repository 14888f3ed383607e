/** The server is killed in the middle of bulks of 1 000: those that are atomic, and those whose tasks have fates of their own. */
import { setTimeout as sleep } from 'node:timers/promises'
import { killAll } from '../../servers/family.ts'
import { ENGINES } from '../../servers/stage.ts'
import { job } from '../rig/jobs.ts'
import { Scene } from '../rig/scene.ts'
import type { Scenario, Trial, Verdict } from './scenario.ts'

const BULK = 1_000
/** Shorter than the outage: callers are told what is known. */
const PATIENCE_MS = 300
/** The kill comes within so long after the call. */
const WITHIN_MS = 400

export const cutBulks: Scenario = {
  name: 'cut-bulks',
  passes: 'atomic: all or none, as the answer says; else each task is there as its answer says',
  engines: ENGINES.filter((engine) => engine !== 'sqlite'),
  sizes: { short: { tasks: 4_000, forMs: 0 }, whole: { tasks: 100_000, forMs: 0 } },
  finds: [{ wound: 'forgets what it acknowledged', says: /^bulk:/ }],
  run: runCutBulks,
}

async function runCutBulks(trial: Trial): Promise<Verdict> {
  const { size } = trial
  await using scene = await Scene.open(trial, { workers: 0, slots: 1, storeTimeoutMs: PATIENCE_MS })
  const answers = new Map<string, number>()
  const problems: string[] = []
  let written = 0
  for (let bulks = 0; bulks < size.tasks / BULK; bulks++) {
    const atomic = bulks % 2 === 0
    const round = await cutBulk(scene, atomic)
    written += round.there.size
    for (const { id, answer } of round.tasks) {
      answers.set(answer, (answers.get(answer) ?? 0) + 1)
      const isThere = id !== undefined && round.there.has(id)
      if (answer === 'ok' && !isThere) problems.push(`bulk: task ${id} was acknowledged, and is not there`)
      if (answer === 'refused' && isThere) problems.push(`bulk: task ${id} was refused, and is there`)
    }
    if (atomic && round.there.size !== 0 && round.there.size !== BULK)
      problems.push(`bulk: ${round.there.size} of an atomic bulk are there`)
  }
  return { tasks: size.tasks, figures: { ...Object.fromEntries(answers), written }, problems }
}

interface Round {
  readonly tasks: readonly {
    readonly id: string | undefined
    readonly answer: 'ok' | 'refused' | 'ambiguous'
  }[]
  /** Tasks of the bulk that the store holds. */
  readonly there: ReadonlySet<string>
}

async function cutBulk(scene: Scene, atomic: boolean): Promise<Round> {
  const { random, mill, stage } = scene
  // an id of one's own is known whatever becomes of the call
  const ids = Array.from({ length: BULK }, () => crypto.randomUUID())
  const drafts = ids.map((id) => job.with({ busyMs: 0 }, { id }))
  const killing = sleep(random.between(0, WITHIN_MS)).then(() => killAll(stage.server!))
  const answered = atomic
    ? mill.enqueueMany(drafts, { atomic }).then(
        (handles) => handles.map(() => 'ok' as const),
        (error: unknown) => drafts.map(() => answerOf(error)),
      )
    : mill
        .enqueueMany(drafts)
        .then((all) => all.map((one) => (one.outcome === 'rejected' ? answerOf(one.error) : ('ok' as const))))
  const [answers] = await Promise.all([answered, killing])
  await stage.server!.start()
  const found = await scene.bare((store) => store.get(ids))
  const there = new Set(found.flatMap((task) => (task === null ? [] : [task.id])))
  return { tasks: ids.map((id, index) => ({ id, answer: answers[index]! })), there }
}

function answerOf(error: unknown): 'refused' | 'ambiguous' {
  return (error as { readonly code?: unknown }).code === 'ambiguous' ? 'ambiguous' : 'refused'
}
