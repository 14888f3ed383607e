/** Spans of time in which something certainly was held, and whether more was held at once than may be. */

export interface Span {
  /** What is held, and may be held so often at once. */
  readonly key: string
  readonly holder: string
  /** Held at every instant from here on, and before the end. */
  readonly from: number
  readonly to: number
}

/**
 * Where more than `most` holders had one key at once, in words. A span ends just before its end, so that what ends and
 * begins in one millisecond is not at once.
 */
export function crowded(spans: readonly Span[], most = 1): readonly string[] {
  const found: string[] = []
  for (const [key, own] of Map.groupBy(spans, (span) => span.key)) {
    const holding: Span[] = []
    for (const span of own.toSorted((a, b) => a.from - b.from)) {
      for (let index = holding.length - 1; index >= 0; index--)
        if (holding[index]!.to <= span.from) holding.splice(index, 1)
      holding.push(span)
      if (holding.length > most) found.push(`${key} at ${span.from}: ${holding.map(shown).join(', ')}`)
    }
  }
  return found
}

function shown({ holder, from, to }: Span): string {
  return `${holder} (${from} to ${to})`
}
