/** What a run says on the terminal. */
import { figure, goalText, spreadText } from './figures.ts'
import type { Machine } from '../measuring/machine.ts'
import type { Table } from '../measuring/profile.ts'
import type { Result } from '../runner.ts'
import type { SideRecord } from './record.ts'

export function machineLines({
  cpu,
  cores,
  memoryGiB,
  node,
  kernel,
  folder,
  fsyncUs,
  loadAverage,
}: Machine): string[] {
  return [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB · Node ${node} · ${kernel}`,
    `files in ${folder}; 4 KiB made durable in ${fsyncUs.median} µs (p99 ${fsyncUs.p99} µs); load average before: ${figure(loadAverage)}`,
  ]
}

export function sideLines(sides: readonly SideRecord[]): string[] {
  return sides.map(({ name, durability, configuration }) => `${name}: ${durability}; ${configuration}`)
}

export function resultLines(result: Result): string[] {
  const { metrics, contenders, ratios, goals, failures } = result
  const width = Math.max(...contenders.map(({ name }) => name.length))
  const lines = [`\n${result.case}: ${result.about}`]
  for (const { key, title, unit } of metrics) {
    lines.push(`  ${title}, ${unit}`)
    for (const { name, figures } of contenders) {
      const spread = figures[key]
      if (spread !== undefined) lines.push(`    ${name.padEnd(width)}  ${spreadText(spread)}`)
    }
    for (const { metric, of, against, spread } of ratios) {
      if (metric === key) lines.push(`    ${of} / ${against}: ${spreadText(spread, '×')}`)
    }
  }
  for (const goal of goals) {
    lines.push(`  ${goal.met ? 'met   ' : 'MISSED'}  ${goalText(goal, metrics)}: ${figure(goal.value)}`)
  }
  for (const { name, tables } of contenders) {
    for (const table of tables) lines.push(...tableLines(name, table))
  }
  return [...lines, ...failures.map((failure) => `  FAILED  ${failure}`)]
}

function tableLines(name: string, { thread, busyMs, rows }: Table): string[] {
  const body = rows.map(({ name: called, place, selfMs }) => {
    const share = ((100 * selfMs) / busyMs).toFixed(1).padStart(5)
    return `    ${share} %  ${selfMs.toFixed(1).padStart(8)} ms  ${called.padEnd(32)} ${place}`
  })
  return [`  ${name}, ${thread}: busy for ${busyMs.toFixed(0)} ms`, ...body]
}
