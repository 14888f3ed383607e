/** A session that publishes a definition, as a worker does. */
import type { SessionRequest } from '@millrace/core/store'

export const WORKER = '0198c0de-0000-7000-8000-00000000aaaa'

const OPTIONS = JSON.stringify({
  retry: { kind: 'exponential', attempts: 3, baseMs: 1_000, maxMs: 300_000 },
  timeoutMs: 900_000,
  startByMs: null,
  deadlineMs: null,
  unique: null,
  flow: null,
  version: 1,
})

export function definitionsOf(session: string): SessionRequest {
  const published = ['default', 'media', 'media.video'].map((queue, index) => ({
    type: index === 0 ? 'greet' : `greet-${index}`,
    queue,
    level: 2,
    options: OPTIONS,
    schema: JSON.stringify({ type: 'object' }),
  }))
  return {
    session,
    ttlMs: 3_600_000,
    host: 'hostile',
    pid: 1,
    queues: ['default', 'media'],
    types: ['greet', 'greet-1', 'greet-2'],
    offers: [],
    concurrency: 5,
    state: 'running',
    definitions: published,
  }
}
