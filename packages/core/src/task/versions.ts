/**
 * Versions of a task's input. What was enqueued by older code is brought step by step to what this code takes; what was
 * enqueued by newer code is not even claimed: it needs a version that only workers of such code offer.
 */
import { InvalidArgumentError, InvalidPayloadError } from './errors.ts'
import { isThenable } from './answer.ts'
import { messageOf, shown } from './shown.ts'
import type { ResolvedOptions } from './options.ts'

/** Brings an input from one version to the next; by the type of a method, so that users may say what `old` is. */
export type Upcast = { step(old: unknown): unknown }['step']

/** The steps, by the version that they begin with. */
export type Upcasts = Readonly<Record<number, Upcast>>

/** Of a definition that says nothing, and of its tasks. */
export const FIRST_VERSION = 1

const VERSION_MAX = 1_000

/** Which version of its input a definition takes, and how older ones become it. */
export interface VersionOptions {
  /** Of the input: 1 to 1 000. It goes up by one whenever inputs that are queued already do not fit any more. Default 1. */
  readonly version?: number | undefined
  /**
   * How an input of an older version, as it was stored, becomes one of the next: `{ 1: (old) => … }`. There is one for
   * each version from the oldest that may still be queued. What the last one answers is what the schema checks.
   */
  readonly upcast?: Upcasts | undefined
}

/** @throws InvalidArgumentError if the version is none, or a step is missing */
export function checkedVersion(name: string, { version, upcast }: VersionOptions): number {
  const current = version ?? FIRST_VERSION
  if (!(Number.isInteger(current) && current >= FIRST_VERSION && current <= VERSION_MAX)) {
    throw new InvalidArgumentError(`The version of the task ${name} is ${shown(version)}.`, {
      hint: `It is a whole number from 1 to ${VERSION_MAX}.`,
    })
  }
  if (upcast !== undefined && (typeof upcast !== 'object' || upcast === null))
    throw new InvalidArgumentError(`The upcast of the task ${name} is ${shown(upcast)}.`, { hint: HINT })
  const from = Object.keys(upcast ?? {}).map(Number)
  for (const one of from) {
    if (typeof upcast?.[one] !== 'function' || !(one >= FIRST_VERSION && one < current))
      throw new InvalidArgumentError(
        `The task ${name} has an upcast from ${one}, and its version is ${current}.`,
        { hint: HINT },
      )
  }
  for (let one = Math.min(current - 1, ...from); one >= FIRST_VERSION && one < current; one++) {
    if (upcast?.[one] !== undefined) continue
    throw new InvalidArgumentError(
      `The task ${name} is of version ${current}, and has no upcast from version ${one}.`,
      { hint: HINT },
    )
  }
  return current
}

const HINT =
  'Each step is a function by the version that it begins with, up to the one before the current: ' +
  'version: 3, upcast: { 1: (old) => …, 2: (old) => … }.'

/** What a worker must offer to run a task of this version; no name of a user's looks like it. `null`: nothing. */
export function versionNeed(type: string, { version }: Pick<ResolvedOptions, 'version'>): string | null {
  return version === FIRST_VERSION ? null : `${type}@${version}`
}

/** What workers of this definition offer: all versions up to its own. */
export function versionOffers(type: string, { version }: Pick<ResolvedOptions, 'version'>): string[] {
  return Array.from({ length: version - FIRST_VERSION }, (_, older) => `${type}@${older + FIRST_VERSION + 1}`)
}

export interface Versioned {
  readonly name: string
  readonly options: Pick<ResolvedOptions, 'version'>
  readonly upcast?: Upcasts | undefined
}

/**
 * An input as the current version has it.
 *
 * @param from the version that it was stored with
 * @throws InvalidPayloadError if a step is missing or fails, or the input is of a newer version
 */
export function upcasted(task: Versioned, from: number, value: unknown): unknown {
  const { version } = task.options
  if (from > version) {
    throw new InvalidPayloadError(
      `The input of ${task.name} is of version ${from}; this code knows versions up to ${version}.`,
      [],
      { hint: 'Let a worker with the newer code run it.' },
    )
  }
  let current = value
  for (let one = from; one < version; one++) current = step(task, { from: one, oldest: from }, current)
  return current
}

function step(
  task: Versioned,
  { from, oldest }: { readonly from: number; readonly oldest: number },
  old: unknown,
): unknown {
  const upcast = task.upcast?.[from]
  if (upcast === undefined) {
    throw new InvalidPayloadError(
      `The input of ${task.name} is of version ${oldest}, from which there is no upcast.`,
      [],
      { hint: `Give its definition the step: upcast: { ${from}: (old) => … }, and start the task over.` },
    )
  }
  try {
    const made = upcast(old)
    if (!isThenable(made)) return made
    void Promise.resolve(made).catch(() => undefined) // it is refused, whatever becomes of it
  } catch (cause) {
    throw failed(task, from, { message: messageOf(cause), cause })
  }
  throw failed(task, from, { message: 'the step is asynchronous' })
}

function failed(
  { name }: Versioned,
  from: number,
  { message, cause }: { readonly message: string; readonly cause?: unknown },
): InvalidPayloadError {
  return new InvalidPayloadError(
    `The input of ${name} could not be brought from version ${from} to ${from + 1}: ${message}`,
    [{ path: '', message }],
    { cause, hint: `Mend upcast[${from}] of its definition, and start the task over.` },
  )
}
