/** What vendors of tracing hand on with a trace, as it stood in a header: handed on as it is, and not looked into. */
import type { TraceState } from '@opentelemetry/api'

type Members = ReadonlyMap<string, string>

const MEMBERS_MAX = 32

class HandedOnState implements TraceState {
  readonly #members: Members

  constructor(members: Members) {
    this.#members = members
  }

  get(key: string): string | undefined {
    return this.#members.get(key)
  }

  /** The latest comes first. */
  set(key: string, value: string): TraceState {
    return new HandedOnState(new Map([[key, value], ...this.#without(key)]))
  }

  unset(key: string): TraceState {
    return new HandedOnState(new Map(this.#without(key)))
  }

  serialize(): string {
    return [...this.#members].map(([key, value]) => `${key}=${value}`).join(',')
  }

  #without(key: string): readonly (readonly [string, string])[] {
    return [...this.#members].filter(([name]) => name !== key)
  }
}

/** What is no member is left out, and so is what comes behind 32 of them. */
export function readTraceState(text: string): TraceState {
  const members = text.split(',').flatMap((member): [string, string][] => {
    const [, key, value] =
      /^\s*([a-z0-9][a-z0-9_\-*/@]{0,255})=([\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}?)\s*$/.exec(member) ?? []
    return key === undefined || value === undefined ? [] : [[key, value]]
  })
  return new HandedOnState(new Map(members.slice(0, MEMBERS_MAX)))
}
