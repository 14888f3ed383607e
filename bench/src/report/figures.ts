/** Numbers as people read them. */
import type { Metric } from '../load.ts'
import type { GoalResult } from '../runner.ts'
import type { Spread } from '../measuring/statistics.ts'

/** Three digits that count, thousands apart. */
export function figure(value: number): string {
  const size = Math.abs(value)
  if (!Number.isFinite(value)) return '–'
  if (size >= 1_000) return grouped(Number(value.toPrecision(3)))
  if (size >= 100) return value.toFixed(0)
  if (size >= 10) return value.toFixed(1)
  return value.toFixed(2)
}

function grouped(value: number): string {
  return value.toString().replaceAll(/\B(?=(\d{3})+$)/g, '\u202f')
}

/** The median, and the least and the most. */
export function spreadText({ median, min, max, values }: Spread, unit = ''): string {
  const ending = unit === '' ? '' : ` ${unit}`
  return values.length === 1
    ? `${figure(median)}${ending}`
    : `${figure(median)}${ending} (${figure(min)}–${figure(max)})`
}

export function goalText(goal: GoalResult, metrics: readonly Metric[]): string {
  const metric = metrics.find(({ key }) => key === goal.metric)!
  const bounds = [
    goal.atLeast === undefined ? [] : `≥ ${figure(goal.atLeast)}`,
    goal.atMost === undefined ? [] : `≤ ${figure(goal.atMost)}`,
    goal.reach === undefined ? [] : `reach ${figure(goal.reach)}`,
  ].flat()
  const what =
    goal.against === undefined
      ? `${goal.of}, ${metric.title}`
      : `${metric.title}: ${goal.of} / ${goal.against}`
  const unit = goal.against === undefined ? metric.unit : '×'
  return `${what} ${bounds.join(', ')} ${unit}`
}
