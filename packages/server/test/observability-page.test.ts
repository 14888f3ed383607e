/** The table of metrics in the docs, against the registry. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Registry } from '@prometheus-io/client'
import { prometheus } from '../src/metrics/index.ts'
import { ServerMetrics } from '../src/metrics/server-metrics.ts'
import { scene } from './observing/scene.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/observability.md'), 'utf8')

interface Declared {
  readonly name: string
  readonly type: string
  readonly labelNames: readonly string[]
  readonly help: string
}

/** Who has a metric, by its name. */
async function declared(): Promise<ReadonlyMap<string, Declared & { readonly from: string }>> {
  await using at = scene()
  const registry = new Registry()
  const of = (one: Registry): readonly Declared[] => one.getMetricsAsArray() as unknown as readonly Declared[]
  new ServerMetrics(at, { registry }).calls.refused('rest', 'forbidden')
  const server = of(registry)
  const own = of(prometheus().registry)
  const all = new Map<string, Declared & { readonly from: string }>()
  for (const one of server) all.set(one.name, { ...one, from: 'server' })
  for (const one of own) all.set(one.name, { ...one, from: all.has(one.name) ? 'both' : 'process' })
  return all
}

test('the page tells of each metric who has it, its kind and its labels', async () => {
  const rows = [...page.matchAll(/^\| (\w+) \| `(millrace_\w+)` \| (\w+) \| (.*?) ?\|$/gm)]
  const told = Object.fromEntries(
    rows.map(([, from, name, kind, labels]): readonly [string, object] => [name!, { from, kind, labels }]),
  )
  const are = [...(await declared()).values()].map(
    ({ name, from, type, labelNames }): readonly [string, object] => {
      const labels = labelNames.filter((label) => label !== 'le').map((label) => `\`${label}\``)
      return [name, { from, kind: type, labels: labels.join(', ') }]
    },
  )
  expect(told).toEqual(Object.fromEntries(are))
  expect(rows).toHaveLength(are.length)
})

test('names are as is usual: base units, counters with _total, help that is a sentence, no ids in labels', async () => {
  for (const { name, type, labelNames, help } of (await declared()).values()) {
    expect(name).toMatch(/^millrace_[a-z_]+$/)
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter'])
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|mb|percent)(_|$)/)
    expect(help).toMatch(/^[A-Z1].*\.$/)
    expect(labelNames.filter((label) => /(^|_)(id|task)$/.test(label))).toEqual([])
  }
})
