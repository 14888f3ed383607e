/** What the runner and the processes of a load tell each other. */
import type { Engine } from './engine.ts'
import type { RoleReport } from './load.ts'

/** What a process is to do; its only argument, as JSON. */
export interface Job {
  readonly case: string
  readonly role: string
  readonly contender: string
  readonly engine: Engine
  readonly url: string
  /** Where the store is: the same, but for what stands before it. */
  readonly storeUrl: string
  /** The first process of the engine, if it has any that we may look at. */
  readonly enginePid: number | null
  readonly quick: boolean
  readonly profiled: boolean
}

export type FromChild =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly handled: number }
  | { readonly kind: 'report'; readonly report: RoleReport; readonly cpuUs: number }
  | { readonly kind: 'failed'; readonly error: string }

export type ToChild = { readonly kind: 'go' } | { readonly kind: 'stop' }
