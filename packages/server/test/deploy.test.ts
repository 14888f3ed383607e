/** The alert rules and the board that are shipped. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ServerMetrics } from '../src/metrics/server-metrics.ts'
import { prometheus } from '../src/metrics/index.ts'
import { familiesOf } from './observing/samples.ts'
import { promtool } from '../../../test/promtool.ts'
import { scene } from './observing/scene.ts'

const deploy = join(import.meta.dirname, '../../../deploy')
const rules = join(deploy, 'prometheus/millrace-alerts.yml')

/** Without the parts of a family that has several. */
function familyOf(name: string, families: ReadonlySet<string>): string {
  const whole = name.replace(/_(bucket|sum|count)$/, '')
  return families.has(whole) ? whole : name
}

async function scraped(): Promise<ReadonlySet<string>> {
  const { registry } = prometheus()
  await using at = scene()
  const { body } = await new ServerMetrics(at, { registry }).scrape(null)
  return familiesOf(body)
}

const namesIn = (text: string): readonly string[] => text.match(/\bmillrace_\w+/g) ?? []

test('promtool finds nothing wrong with the rules', () => {
  const { code, text } = promtool(['check', 'rules', rules])
  expect([code, text]).toEqual([0, expect.stringContaining('SUCCESS: 11 rules found')])
})

test('each alert is set off by what it is for, and by nothing else', () => {
  const { code, text } = promtool(['test', 'rules', join(deploy, 'prometheus/millrace-alerts.test.yml')])
  expect([code, text]).toEqual([0, expect.stringContaining('SUCCESS')])
})

test('each alert has a test', () => {
  const named = (file: string): readonly string[] =>
    [
      ...new Set(
        [...readFileSync(file, 'utf8').matchAll(/alert(?:name)?: (\w+)$/gm)].map(([, name]) => name!),
      ),
    ].toSorted()
  expect(named(join(deploy, 'prometheus/millrace-alerts.test.yml'))).toEqual(named(rules))
})

test('the rules ask for metrics that there are', async () => {
  const families = await scraped()
  const names = namesIn(readFileSync(rules, 'utf8'))
  expect(names.length).toBeGreaterThan(9)
  expect(names.filter((name) => !families.has(familyOf(name, families)))).toEqual([])
})

interface Panel {
  readonly title: string
  readonly type: string
  readonly targets?: readonly { readonly expr: string }[]
}

test('the board asks for metrics that there are, and for each of them', async () => {
  const families = await scraped()
  const board = JSON.parse(readFileSync(join(deploy, 'grafana/millrace.json'), 'utf8')) as {
    readonly panels: readonly Panel[]
  }
  const queries = board.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  const asked = new Set(queries.flatMap((query) => namesIn(query)).map((name) => familyOf(name, families)))
  expect([...asked].filter((name) => !families.has(name))).toEqual([])
  expect([...families].filter((name) => !asked.has(name))).toEqual([])
  const empty = board.panels.filter(({ type, targets }) => type !== 'row' && (targets ?? []).length === 0)
  expect(empty).toEqual([])
})

test('promtool can read every query of the board', () => {
  const board = JSON.parse(readFileSync(join(deploy, 'grafana/millrace.json'), 'utf8')) as {
    readonly panels: readonly Panel[]
  }
  const queries = board.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  const records = queries.map((query, index) => {
    const expr = query.replaceAll('$__rate_interval', '5m')
    return { record: `board:query:${index}`, expr }
  })
  const folder = mkdtempSync(join(tmpdir(), 'millrace-board-'))
  try {
    const file = join(folder, 'board.json')
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'board', rules: records }] }))
    const { code, text } = promtool(['check', 'rules', file])
    expect([code, text]).toEqual([0, expect.stringContaining(`${records.length} rules found`)])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
