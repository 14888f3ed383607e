/**
 * Whether a value is JSON. JSON.stringify turns many things silently into something else (a Map into {}, NaN
 * into null), and calls what it finds (toJSON); here only plain objects, arrays and scalars pass.
 *
 * There are two walks: a fast one on the way of every enqueue, and one that finds out where and why, for the
 * error.
 */
import type { PayloadIssue } from './errors.ts'
import { LIMITS } from './limits.ts'
import { shown } from './shown.ts'

/**
 * The least number of bytes that a value takes as JSON, `null` if it is none. Stops soon beyond `bytesMax`,
 * so that neither shared references nor huge texts cost more than the limit allows.
 *
 * @param depth how many arrays and objects are around it
 */
export function jsonSize(value: unknown, depth: number, bytesMax: number): number | null {
  switch (typeof value) {
    case 'string':
      return value.length + 2
    case 'number':
      return Number.isFinite(value) ? 1 : null
    case 'boolean':
      return 4
    case 'object':
      if (value === null) return 4
      if (depth === LIMITS.jsonDepth) return null
      if (Array.isArray(value)) return arraySize(value, depth + 1, bytesMax)
      return isPlain(value) ? objectSize(value, depth + 1, bytesMax) : null
    default:
      return null
  }
}

function arraySize(array: readonly unknown[], depth: number, bytesMax: number): number | null {
  let sum = 2
  for (let index = 0; index < array.length && sum <= bytesMax; index++) {
    const size = jsonSize(array[index], depth, bytesMax)
    if (size === null) return null
    sum += size
  }
  return sum
}

/** `for in` is the fastest way; members that somebody gave to Object.prototype may make it answer `null` wrongly. */
function objectSize(object: object, depth: number, bytesMax: number): number | null {
  let sum = 2
  for (const key in object) {
    const member = (object as Record<string, unknown>)[key]
    if (member === undefined) continue // left out, as JSON.stringify does and every schema expects
    const size = jsonSize(member, depth, bytesMax)
    if (size === null) return null
    sum += key.length + 3 + size
    if (sum > bytesMax) break
  }
  return sum
}

/** Plain: made by a literal, by JSON.parse, or without a prototype; in this realm or another. */
export function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype === Object.prototype || prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf')
}

/**
 * Where and why a value is no JSON, `null` if it is. It meets the values in the order of `jsonSize`, and so ends
 * where that one did.
 *
 * @param around the arrays and objects around it, the outermost first
 */
export function jsonProblem(value: unknown, around: readonly object[] = []): PayloadIssue | null {
  if (typeof value !== 'object' || value === null) {
    return jsonSize(value, 0, 0) === null ? { path: '', message: `is ${shown(value)}` } : null
  }
  if (around.includes(value)) return { path: '', message: 'goes round in a circle' }
  if (around.length === LIMITS.jsonDepth) {
    return { path: '', message: `goes deeper than ${LIMITS.jsonDepth} levels` }
  }
  const array = Array.isArray(value)
  if (!array && !isPlain(value)) return { path: '', message: `is ${instanceName(value)}` }
  for (const [key, member] of array ? value.entries() : Object.entries(value)) {
    if (member === undefined && !array) continue
    const problem = jsonProblem(member, [...around, value])
    if (problem !== null) return { path: joined(stepOf(key), problem.path), message: problem.message }
  }
  return null
}

function instanceName(value: object): string {
  const { constructor: maker } = value
  return typeof maker === 'function' && maker.name !== ''
    ? `an instance of ${maker.name}`
    : 'an instance of a class'
}

function stepOf(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`
  return /^[\w$]+$/.test(key) ? key : `[${shown(key)}]`
}

function joined(step: string, path: string): string {
  return path === '' || path.startsWith('[') ? `${step}${path}` : `${step}.${path}`
}
