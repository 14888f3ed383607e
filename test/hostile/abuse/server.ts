/** A server in a process of its own, before a SQLite file: `server.ts PATH`. It says where it is, and how much memory it has. */
import { defineTask, Mill, unchecked } from '@millrace/core'
import { createKey, createServer, type KeyRecord } from '@millrace/server'
import { SqliteStore } from '@millrace/sqlite'
import { definitionsOf, WORKER } from '../definitions.ts'
import type { FromServer, Place } from './part.ts'

const TELL_MS = 50

const say = (message: FromServer): void => void process.send!(message)
const store = new SqliteStore({ path: process.argv[2]! })
const error = (...given: readonly unknown[]): void => say({ error: given.map(String).join(' ') })
const mill = new Mill(store, { logger: { debug() {}, info() {}, warn() {}, error } })
let keys: readonly KeyRecord[] = []
const tokens: Record<string, string> = {}
const roles = { producer: ['producer'], attacker: ['producer', 'viewer'] } as const
for (const [name, own] of Object.entries(roles)) {
  const grants = own.map((role) => ({ role, queues: ['**'] }))
  const one = createKey(keys, { name, grants }, new Date())
  keys = one.keys
  tokens[name] = one.token
}
await mill.open()
await store.openSession(definitionsOf(WORKER))
// answers that are long enough for somebody not to read them
const long = defineTask('long', { input: unchecked<string>() })
const metadata = { of: 'y'.repeat(4_000) }
await mill.enqueueMany(Array.from({ length: 1_000 }, () => long.with('x', { metadata, queue: 'long' })))
const server = createServer(mill, { auth: { keys }, audit: () => undefined })
const { url, grpcUrl } = await server.listen({ port: 0, grpcPort: 0 })
process.on('disconnect', () => process.exit(0)) // it goes with its parent
const usage = (): FromServer => {
  const { user, system } = process.cpuUsage()
  return { rss: process.memoryUsage.rss(), cpuMs: (user + system) / 1_000 }
}
setInterval(() => say(usage()), TELL_MS).unref()
say({ place: { url, grpcUrl: grpcUrl!, tokens: tokens as unknown as Place['tokens'] } })
