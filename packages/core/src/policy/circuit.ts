/**
 * When a store counts as down, and when it is asked again: a circuit breaker over the calls of one client. What
 * counts is for how long nothing but failures came, not how many: how often a call is repeated meanwhile is a matter
 * of pauses, and an outage that is over soon is to be noticed by no caller.
 */

/** Pauses between probes: they double, with jitter. */
const PROBE_FIRST_MS = 250
const PROBE_LONGEST_MS = 1_000

/** Times are of a monotonic clock, in milliseconds. */
export type Circuit =
  /** Calls go through. */
  | {
      readonly kind: 'closed'
      readonly answeredAtMs: number
      /** Since when every call that ended said that the store is away. */
      readonly failingSinceMs: number | null
    }
  /** Calls are refused at once. */
  | {
      readonly kind: 'open'
      readonly failingSinceMs: number
      readonly probeAtMs: number
      /** How many probes found it away. */
      readonly probes: number
    }
  /** One probe is under way; calls are refused at once. */
  | { readonly kind: 'half-open'; readonly failingSinceMs: number; readonly probes: number }

export type CircuitEvent =
  /** The store answered a call, be it by a refusal. */
  | { readonly kind: 'answered'; readonly atMs: number }
  /** A call ended because the store is away. @param fraction chance, from 0 to 1 */
  | { readonly kind: 'failed'; readonly begunAtMs: number; readonly atMs: number; readonly fraction: number }
  | { readonly kind: 'probed' }
  | { readonly kind: 'probe-failed'; readonly atMs: number; readonly fraction: number }

/** The circuit of a client that has not called yet. */
export function newCircuit(atMs: number): Circuit {
  return { kind: 'closed', answeredAtMs: atMs, failingSinceMs: null }
}

/** @param openAfterMs for how long nothing but failures must have come before the store counts as down */
export function nextCircuit(circuit: Circuit, event: CircuitEvent, openAfterMs: number): Circuit {
  switch (event.kind) {
    // also an answer to what was under way before: whoever answers is there
    case 'answered':
      return newCircuit(event.atMs)
    case 'failed':
      return circuit.kind === 'closed' ? afterFailure(circuit, event, openAfterMs) : circuit
    case 'probed':
      if (circuit.kind !== 'open') return circuit
      return { kind: 'half-open', failingSinceMs: circuit.failingSinceMs, probes: circuit.probes }
    case 'probe-failed':
      return circuit.kind === 'half-open'
        ? opened(circuit.failingSinceMs, circuit.probes + 1, event)
        : circuit
  }
}

/** A call that was silent for long says as much as many that failed at once: what counts is when it began. */
function afterFailure(
  { answeredAtMs, failingSinceMs }: Extract<Circuit, { kind: 'closed' }>,
  event: Extract<CircuitEvent, { kind: 'failed' }>,
  openAfterMs: number,
): Circuit {
  const sinceMs = failingSinceMs ?? Math.max(event.begunAtMs, answeredAtMs)
  if (event.atMs - sinceMs >= openAfterMs) return opened(sinceMs, 0, event)
  return { kind: 'closed', answeredAtMs, failingSinceMs: sinceMs }
}

function opened(
  failingSinceMs: number,
  probes: number,
  { atMs, fraction }: { readonly atMs: number; readonly fraction: number },
): Circuit {
  const longestMs = Math.min(PROBE_FIRST_MS * 2 ** probes, PROBE_LONGEST_MS)
  return { kind: 'open', failingSinceMs, probeAtMs: atMs + longestMs * (0.5 + fraction / 2), probes }
}
