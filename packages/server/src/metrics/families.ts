/** Makes the families of metrics in a registry, or finds those that another part of the process has made in it. */
import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client'

/** What a family is called, what it says, and its labels. */
export interface Family<Label extends string> {
  readonly name: `millrace_${string}`
  readonly help: string
  readonly labels?: readonly Label[]
}

export class Families {
  readonly #registry: Registry

  constructor(registry: Registry) {
    this.#registry = registry
  }

  counter<Label extends string = never>(family: Family<Label>): Counter<Label> {
    const known = this.#known<Counter<Label>>(family.name, Counter)
    return known ?? new Counter(this.#configuration(family))
  }

  gauge<Label extends string = never>(family: Family<Label>): Gauge<Label> {
    return this.#known<Gauge<Label>>(family.name, Gauge) ?? new Gauge(this.#configuration(family))
  }

  /** @param buckets upper bounds, in seconds */
  histogram<Label extends string = never>(
    family: Family<Label>,
    buckets: readonly number[],
  ): Histogram<Label> {
    const known = this.#known<Histogram<Label>>(family.name, Histogram)
    return known ?? new Histogram({ ...this.#configuration(family), buckets: [...buckets] })
  }

  #known<Metric>(name: string, kind: abstract new (...given: never) => unknown): Metric | undefined {
    const known: unknown = this.#registry.getSingleMetric(name)
    if (known === undefined) return undefined
    if (known instanceof kind) return known as Metric
    throw new Error(`The registry has a metric ${name} of another kind.`)
  }

  #configuration<Label extends string>({ name, help, labels = [] }: Family<Label>) {
    return { name, help, labelNames: [...labels], registers: [this.#registry] }
  }
}
