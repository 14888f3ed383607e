/** What inputs and outputs of calls are made of. */
import { z } from 'zod'

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/
const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$/
const DURATION = /^\d{1,15}(\.\d{1,9})?(ms|s|m|h|d|w)$/
/** Longest key, in characters: what it takes in bytes is checked by core. */
const KEY_MAX = 512
/** Longest text of any kind that is no payload. */
const TEXT_MAX = 1_000

/** A name of a task type, queue, tag, offer, schedule or breaker. */
export const Name = z
  .string()
  .regex(NAME, 'A name is 1 to 128 letters, digits, `_`, `.` or `-`, and begins with a letter or a digit.')

export const Id = z.string().regex(UUID, 'An id is a UUID.').meta({ format: 'uuid' })

export const Key = z.string().max(KEY_MAX)

export const Text = z.string().max(TEXT_MAX)

/** A point in time, as RFC 3339 has it. */
export const Time = z.iso.datetime({ offset: true })

/** 100 years of 365 days, the longest that core takes. */
const SPAN_MAX_MS = 100 * 365 * 86_400_000

const SPANS = "Milliseconds, or a text: '250ms', '30s', '5m', '2h', '1d', '1w'."

/** Milliseconds, or a number with a unit: what is let through core takes, too. */
export const Span = z
  .union([z.number().min(0).max(SPAN_MAX_MS), z.string().regex(DURATION, `A span is none: ${SPANS}`)])
  .refine((span) => !(spanMs(span) > SPAN_MAX_MS), 'It is at most 100 years.')
  .meta({ description: SPANS })

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** In milliseconds, with fractions. */
export function spanMs(span: number | string): number {
  if (typeof span === 'number') return span
  const [, number, unit = ''] = /^([\d.]+)([a-z]+)$/.exec(span) ?? []
  return Number(number) * (UNITS_MS[unit] ?? Number.NaN)
}

export const PriorityName = z.enum(['critical', 'high', 'normal', 'low', 'batch'])

/** Any JSON. */
export const Json = z.unknown().meta({ description: 'Any JSON.' })

export const Strings = z.record(z.string().max(KEY_MAX), z.string())

/** A member with what it is for, which its documentation tells. */
export function about<T extends z.ZodType>(schema: T, description: string): T {
  return schema.meta({ ...schema.meta(), description })
}

/** The same of one that may be left out. */
export function said<T extends z.ZodType>(schema: T, description: string): z.ZodOptional<T> {
  return schema.optional().meta({ ...schema.meta(), description })
}

/** A named shape that may be missing: `nullable()` would make null of its name everywhere, in the documentation. */
export function orNull<T extends z.ZodType>(shape: T): z.ZodUnion<[T, z.ZodNull]> {
  return z.union([shape, z.null()])
}

export const Nothing = z.strictObject({})

/** An answer that says only that it was done. */
export const Done = z.strictObject({ done: z.literal(true) }).meta({ id: 'Done' })

export const DONE = { done: true } as const

/** The states that a store knows. `pending` is shown as scheduled, ready or held. */
export const StoreState = z.enum([
  'blocked',
  'pending',
  'running',
  'waiting',
  'succeeded',
  'failed',
  'cancelled',
])

/** The states that are shown. */
export const ShownStateName = z.enum([
  'blocked',
  'scheduled',
  'ready',
  'held',
  'running',
  'waiting',
  'succeeded',
  'failed',
  'cancelled',
])

/** @param at milliseconds since 1970 */
export function timeText(at: number | Date): string {
  return new Date(at).toISOString()
}

/** @param at milliseconds since 1970 */
export function timeTextOrNull(at: number | Date | null | undefined): string | null {
  return at === null || at === undefined ? null : timeText(at)
}

/** @throws nothing for what a schema let through */
export function timeOf(text: string): Date {
  return new Date(text)
}
