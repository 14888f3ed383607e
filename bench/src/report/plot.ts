/** docs/benchmarks.svg: bars of the throughput of every side, by load. Written by hand, no library. */
import { figure } from './figures.ts'
import { OURS } from '../side.ts'
import type { Result } from '../runner.ts'
import type { EnginePart } from './record.ts'

const WIDTH = 760
const LEFT = 150
const RIGHT = 90
const BAR = 18
const GAP = 16
const TOP = 28

const COLOURS = ['#1f6f8b', '#c7a252', '#9a9a9a', '#7a5c8e'] as const

interface Bar {
  readonly side: string
  readonly value: number
  readonly min: number
  readonly max: number
}

interface Group {
  readonly name: string
  readonly bars: readonly Bar[]
}

export function plotOf(parts: readonly EnginePart[]): string {
  let y = 40
  const panels = parts.map((part) => {
    const panel = panelOf(part, y)
    y += panel.height
    return panel.text
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 8}" font-family="system-ui, sans-serif" font-size="12" role="img">`,
    '<title>Throughput of Millrace and its peers, tasks per second</title>',
    `<rect width="${WIDTH}" height="${y + 8}" fill="#ffffff"/>`,
    '<text x="16" y="22" font-size="14" font-weight="600" fill="#222222">Tasks per second; the line is the spread over all rounds</text>',
    ...panels,
    '</svg>',
    '',
  ].join('\n')
}

/** One engine, to a scale of its own. */
function panelOf(
  { engine, results, sides }: EnginePart,
  top: number,
): { readonly text: string; readonly height: number } {
  const groups = results.flatMap(groupOf)
  const most = Math.max(1, ...groups.flatMap(({ bars }) => bars.map(({ max }) => max)))
  const names = sides.map(({ name }) => name)
  let y = top + TOP
  const drawn = groups.map((group) => {
    const text = groupText(group, { y, scale: (WIDTH - LEFT - RIGHT) / most, names })
    y += group.bars.length * BAR + GAP
    return text
  })
  const title = `<text x="16" y="${top + 14}" font-size="13" font-weight="600" fill="#222222">${engine}</text>`
  return {
    text: [title, ...names.map((name, index) => legend(name, { index, top })), ...drawn].join('\n'),
    height: y - top,
  }
}

/** Loads that all sides take part in, and that have a throughput. */
function groupOf({ case: name, contenders }: Result): Group[] {
  if (!contenders.some((contender) => contender.name === OURS)) return []
  const bars = contenders.flatMap((contender) => {
    const rate = contender.figures['rate']
    return rate === undefined
      ? []
      : [{ side: contender.name, value: rate.median, min: rate.min, max: rate.max }]
  })
  return bars.length === 0 ? [] : [{ name, bars }]
}

interface Place {
  readonly y: number
  readonly scale: number
  readonly names: readonly string[]
}

function groupText({ name, bars }: Group, { y, scale, names }: Place): string {
  const middle = y + (bars.length * BAR) / 2 + 4
  const lines = [`<text x="${LEFT - 10}" y="${middle}" text-anchor="end" fill="#222222">${name}</text>`]
  for (const [index, { side, value, min, max }] of bars.entries()) {
    const top = y + index * BAR
    const at = (rate: number): string => (LEFT + rate * scale).toFixed(1)
    const width = (value * scale).toFixed(1)
    lines.push(
      `<rect x="${LEFT}" y="${top + 1}" width="${width}" height="${BAR - 3}" fill="${colourOf(side, names)}"/>`,
      `<line x1="${at(min)}" x2="${at(max)}" y1="${top + BAR / 2}" y2="${top + BAR / 2}" stroke="#222222"/>`,
      `<text x="${LEFT + max * scale + 6}" y="${top + BAR / 2 + 4}" fill="#444444">${figure(value)}</text>`,
    )
  }
  return lines.join('\n')
}

function legend(name: string, { index, top }: { readonly index: number; readonly top: number }): string {
  const x = LEFT + index * 140
  return [
    `<rect x="${x}" y="${top + 4}" width="12" height="12" fill="${COLOURS[index % COLOURS.length]}"/>`,
    `<text x="${x + 18}" y="${top + 14}" fill="#222222">${name}</text>`,
  ].join('\n')
}

function colourOf(side: string, names: readonly string[]): string {
  return COLOURS[names.indexOf(side) % COLOURS.length]!
}
