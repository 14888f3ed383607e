/** The same plan gives the same history; a plan that fails becomes small; what was found once stays found. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { drawPlan, FEATURES, NO_FAULTS, shrink, simulate, type Plan } from '../../src/simulation/index.ts'

test('a seed gives the same plan and the same history each time', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const [one, other] = [await simulate(drawPlan(seed)), await simulate(drawPlan(seed))]
    expect(other).toEqual(one)
    expect(one.history.effects.length + one.history.calls.length).toBeGreaterThan(0)
  }
})

test('other seeds give other plans, and a plan survives JSON', () => {
  expect(drawPlan(1)).not.toEqual(drawPlan(2))
  const plan = drawPlan(3)
  expect(JSON.parse(JSON.stringify(plan))).toEqual(plan)
})

test('one feature alone can be asked for', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const { faults, events, schedules } = drawPlan(seed, ['kills'])
    expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(['kill']))
    expect([faults.lostCalls, faults.repeated, schedules.length]).toEqual([0, 0, 0])
  }
  for (const feature of FEATURES) expect(drawPlan(7, [feature]).seed).toBe(7)
})

test('a plan is reduced to what it takes', async () => {
  const plan = drawPlan(1, [...FEATURES])
  const needed = plan.tasks.find(({ script }) => script.snoozes > 0)!
  const fails = (smaller: Plan): Promise<boolean> =>
    Promise.resolve(
      smaller.events.some(({ kind }) => kind === 'kill') &&
        smaller.faults.lostAnswers > 0 &&
        smaller.tasks.some(({ name, script }) => name === needed.name && script.snoozes > 0),
    )
  const { plan: small } = await shrink(plan, 'lost', fails)
  expect(small.events.map(({ kind }) => kind)).toEqual(['kill'])
  expect(small.tasks.map(({ name }) => name)).toEqual([needed.name])
  expect([small.commands, small.schedules, small.workers]).toEqual([[], [], []])
  expect(small.faults).toEqual({
    ...NO_FAULTS,
    late: 0,
    lateMs: 0,
    slow: 0,
    slowMs: 0,
    lostAnswers: plan.faults.lostAnswers,
  })
  const [{ script, after, unique }] = small.tasks as [(typeof small.tasks)[number]]
  expect([after, unique, script.failures, script.child]).toEqual([[], null, 0, false])
})

const folder = join(import.meta.dirname, 'regressions')

test.each(globSync('*.json', { cwd: folder }))('%s: what was wrong once is right', async (file) => {
  const plan = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Plan
  expect((await simulate(plan)).violations).toEqual([])
})
