/**
 * What a worker and its isolates tell each other. An isolate has no line to the store: whatever its handler wants
 * written or read is asked for, and done by the worker under the fence of the run. What travels is plain data.
 */
import type { Outcome } from '../../policy/outcome.ts'
import type { AddVerdict } from '../../store/port.ts'
import type {
  Claim,
  LogEntry,
  Payload,
  Progress,
  TaskId,
  TaskOutcome,
  TaskSpec,
} from '../../store/records.ts'
import type { AbortCode } from '../../task/handler.ts'
import type { LogLevel } from '../../task/logger.ts'
import type { WireError } from './wire-error.ts'

/** From the worker. Runs of an isolate are numbered from 1. */
export type ToIsolate =
  | { readonly kind: 'open'; readonly modules: readonly string[]; readonly heapMb: number | null }
  | { readonly kind: 'run'; readonly run: number; readonly claim: Claim }
  | {
      readonly kind: 'abort'
      readonly run: number
      readonly reason: AbortCode
      readonly message: string
      /** Whose time is up: that of the attempt, or of all together. */
      readonly over: 'attempt' | 'task'
    }
  | { readonly kind: 'answer'; readonly call: number; readonly answer: unknown }
  | { readonly kind: 'refusal'; readonly call: number; readonly error: WireError }
  /** Nothing more comes: end yourself. */
  | { readonly kind: 'close' }

/** What an isolate asks for, and what it is answered. */
export interface Calls {
  readonly add: { readonly request: TaskSpec; readonly answer: AddVerdict }
  readonly checkpoint: { readonly request: Payload; readonly answer: undefined }
  readonly outcomes: {
    readonly request: { readonly ids: readonly TaskId[]; readonly bytesMax: number }
    readonly answer: readonly (TaskOutcome | null | 'later')[]
  }
}

export type CallMessage = {
  readonly [K in keyof Calls]: {
    readonly kind: 'call'
    readonly run: number
    readonly call: number
    readonly what: K
    readonly request: Calls[K]['request']
  }
}[keyof Calls]

/** From the isolate. */
export type FromIsolate =
  /** The modules are loaded: these are the types of the tasks that it can run. */
  | { readonly kind: 'ready'; readonly types: readonly string[] }
  | { readonly kind: 'unable'; readonly error: WireError }
  | CallMessage
  | {
      readonly kind: 'notes'
      readonly run: number
      readonly progress: Progress | null
      readonly entries: readonly LogEntry[]
    }
  /** For the worker's logger. */
  | { readonly kind: 'say'; readonly level: LogLevel; readonly data: object; readonly message: string }
  | Ended

export interface Ended {
  readonly kind: 'ended'
  readonly run: number
  readonly outcome: Outcome
  readonly error: WireError | null
  /** What only a worker's main thread has, and the handler asked for in vain. */
  readonly missed: 'transaction' | null
  /** Of the memory that its objects may take, the part that they do take; 1 also of an isolate that is spoilt. */
  readonly heapShare: number
}
