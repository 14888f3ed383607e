/** A scrape, as text: the format of Prometheus, or OpenMetrics for those who ask for it. */
import { Registry } from '@prometheus-io/client'

/** What is answered to who scrapes. */
export interface Scrape {
  readonly contentType: string
  readonly body: string
}

/**
 * The registry's own OpenMetrics renames its counters for good, so that the next scrape in the other format has wrong
 * names: what it says is therefore written in its first format, and changed here where the two differ.
 *
 * @param accept the header of who asks
 */
export async function exposition(registry: Registry, accept: string | null): Promise<Scrape> {
  const text = await registry.metrics()
  if (!asksForOpenMetrics(accept)) return { contentType: Registry.PROMETHEUS_CONTENT_TYPE, body: text }
  return { contentType: Registry.OPENMETRICS_CONTENT_TYPE, body: openMetrics(text) }
}

function asksForOpenMetrics(accept: string | null): boolean {
  return (accept ?? '').split(',').some((range) => /^\s*application\/openmetrics-text\s*(;|$)/i.test(range))
}

/** The family of a counter has no `_total`, its samples have; there are no empty lines, and an end. */
function openMetrics(text: string): string {
  const counters = new Set([...text.matchAll(/^# TYPE (\S+) counter$/gm)].map(([, name]) => name))
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, head, name = '', rest] = /^(# (?:HELP|TYPE)) (\S+) (.*)$/.exec(line) ?? []
      return head !== undefined && counters.has(name)
        ? `${head} ${name.replace(/_total$/, '')} ${rest}`
        : line
    })
  return `${lines.join('\n')}\n# EOF\n`
}
