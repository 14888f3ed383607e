/** What is checked before a Redis is trusted with tasks: its version, and that it neither evicts nor forgets. */
import { StoreError } from '@millrace/core/store'
import { refused, replyWord, stillLoading } from './errors.ts'
import type { Line } from './line.ts'

export interface CheckOptions {
  readonly line: Line
  readonly place: string
  /** Work with a Redis that may lose tasks. */
  readonly unsafe: boolean
  readonly onWarning: (message: string) => void
}

const VERSION_LEAST = 7

/** @throws StoreError */
export async function checkServer({ line, place, unsafe, onWarning }: CheckOptions): Promise<void> {
  const info = await infoOf(line)
  if (info === undefined) {
    onWarning(`Redis at ${place} does not allow INFO: nobody checks that it keeps its data.`)
    return
  }
  const version = info.get('valkey_version') ?? info.get('redis_version') ?? ''
  if (Number.parseInt(version, 10) < VERSION_LEAST) {
    throw refused('store-unavailable', `Redis at ${place} has version ${version}.`, {
      hint: 'Redis 7.0, Valkey 7.2 or anything newer will do.',
    })
  }
  if (info.get('role') === 'slave') {
    throw refused('store-readonly', `Redis at ${place} is a replica.`, {
      hint: 'Give the address of the primary.',
    })
  }
  // while Redis reads its append-only file it says that it keeps none
  if (info.get('loading') === '1') throw stillLoading(place)
  const danger = dangerOf(info) ?? (await lazyDisk(line))
  if (danger === undefined) return
  if (unsafe) return onWarning(`Redis at ${place} ${danger.what}: tasks may be lost.`)
  throw refused('store-unavailable', `Redis at ${place} ${danger.what}, so tasks could be lost.`, {
    hint: `${danger.hint} Or make the store with \`unsafe: true\`, if losing tasks does not matter.`,
  })
}

interface Danger {
  readonly what: string
  readonly hint: string
}

function dangerOf(info: ReadonlyMap<string, string>): Danger | undefined {
  if (info.get('aof_enabled') === '0') {
    return { what: 'keeps no append-only file', hint: 'Set `appendonly yes`.' }
  }
  const policy = info.get('maxmemory_policy') ?? 'noeviction'
  // no key of the store has a time to live, so that these policies never touch one
  if (policy === 'noeviction' || policy.startsWith('volatile-')) return undefined
  return { what: `evicts data (${policy})`, hint: 'Set `maxmemory-policy noeviction`.' }
}

/** The append-only file may be left to the system's pleasure. Where CONFIG is not allowed nobody knows. */
async function lazyDisk(line: Line): Promise<Danger | undefined> {
  if ((await settingOf(line, 'appendfsync')) !== 'no') return undefined
  return { what: 'never syncs its append-only file', hint: 'Set `appendfsync everysec` or `always`.' }
}

/** '' where the server knows no such setting; `undefined` where it does not allow CONFIG. */
export async function settingOf(line: Line, name: string): Promise<string | undefined> {
  try {
    const [, value = ''] = texts(await line.command(['CONFIG', 'GET', name]), name)
    return value
  } catch (error) {
    if (isForbidden(error)) return undefined
    throw error
  }
}

/** Clients answer a list, or an object or a map of the one setting. */
function texts(reply: unknown, name: string): readonly string[] {
  if (Array.isArray(reply)) return reply.map(String)
  const value: unknown =
    reply instanceof Map ? [...reply.values()][0] : (reply as Record<string, unknown>)[name]
  return [name, typeof value === 'string' || Buffer.isBuffer(value) ? value.toString() : '']
}

/** `undefined` where the server does not allow it. */
export async function infoOf(line: Line): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const text = String(await line.command(['INFO']))
    const lines = text.split('\r\n').filter((line) => line.includes(':'))
    return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]))
  } catch (error) {
    if (isForbidden(error)) return undefined
    throw error
  }
}

function isForbidden(error: unknown): boolean {
  if (!(error instanceof StoreError)) return false
  const word = replyWord(error.cause)
  // a command that was renamed away is unknown
  return word === 'NOPERM' || word === 'ERR'
}
