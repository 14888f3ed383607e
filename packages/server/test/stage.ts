/** A server before a store of its own, with definitions that workers have published. */
import { rmSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AccessError, MemoryStore, Mill, systemPlatform, type Logger, type Platform } from '@millrace/core'
import { SqliteStore } from '@millrace/sqlite'
import { QueuePattern } from '../src/access/queue-pattern.ts'
import { restApp, type RestApp, type RestOptions } from '../src/rest/app.ts'
import type { Audit, AuditEntry } from '../src/audit/audit.ts'
import type { Authenticator, Identity } from '../src/access/caller.ts'
import type { ServerParts } from '../src/parts.ts'
import { AS_IT_IS, type Redact } from '../src/service/redaction.ts'
import type { Role } from '../src/access/roles.ts'
import type { Store } from '@millrace/core/store'

export type Engine = 'memory' | 'sqlite'
export const ENGINES: readonly Engine[] = ['memory', 'sqlite']

export const WORKER = '0198c0de-0000-7000-8000-00000000aaaa'
export const OTHER_WORKER = '0198c0de-0000-7000-8000-00000000bbbb'

export interface StageOptions extends RestOptions {
  readonly redact?: Redact
  readonly engine?: Engine
  readonly platform?: Platform
}

/** Who calls is said by the header: `Bearer NAME`, and what NAME may is given by `grant`. */
export class Stage implements AsyncDisposable {
  readonly store: Store
  readonly mill: Mill
  readonly server: RestApp
  readonly parts: ServerParts
  readonly audit: AuditEntry[] = []
  readonly logged: { readonly data: object; readonly level: string }[] = []
  readonly #grants = new Map<string, Identity>()
  readonly #folder: string | undefined

  constructor({ engine = 'memory', platform = systemPlatform, ...options }: StageOptions = {}) {
    this.#folder = engine === 'sqlite' ? mkdtempSync(join(tmpdir(), 'millrace-server-')) : undefined
    this.store =
      this.#folder === undefined
        ? new MemoryStore({ platform })
        : new SqliteStore({ path: join(this.#folder, 'stage.db') })
    this.mill = new Mill(this.store, { logger: this.#logger(), platform })
    this.grant('root', 'admin', '**')
    const { redact = AS_IT_IS, ...rest } = options
    const authenticator: Authenticator = {
      authenticate: ({ authorization }) => {
        const identity = this.#grants.get(authorization?.replace('Bearer ', '') ?? '')
        if (identity === undefined) throw new AccessError('unauthenticated', 'This credential is not known.')
        return Promise.resolve(identity)
      },
    }
    const audit: Audit = {
      note: (entry) => {
        this.audit.push(entry)
        return Promise.resolve()
      },
    }
    const { logger } = this.mill['~served']
    this.parts = { mill: this.mill, store: this.store, platform, logger, authenticator, audit, redact }
    this.server = restApp(this.parts, rest)
  }

  grant(name: string, role: Role, ...queues: readonly string[]): void {
    const patterns = queues.map((text) => new QueuePattern(text))
    this.#grants.set(name, { name, grants: [{ role, queues: patterns }] })
  }

  revoke(name: string): void {
    this.#grants.delete(name)
  }

  /** Publishes definitions as a worker does, without one that would run anything. */
  async publish(session = WORKER, queue = 'default', types: readonly string[] = ['greet']): Promise<void> {
    await this.mill.open()
    const schema = {
      type: 'object',
      properties: { name: { type: 'string' } },
      required: ['name'],
      additionalProperties: false,
    }
    await this.store.openSession({
      session,
      ttlMs: 600_000,
      host: 'stage',
      pid: 1,
      queues: [queue],
      types,
      offers: [],
      concurrency: 5,
      state: 'running',
      definitions: types.map((type) => ({
        type,
        queue,
        level: 2,
        options: JSON.stringify({
          retry: { kind: 'exponential', attempts: 3, baseMs: 1_000, maxMs: 300_000 },
          timeoutMs: 900_000,
          startByMs: null,
          deadlineMs: null,
          unique: null,
          flow: null,
          version: 1,
        }),
        schema: JSON.stringify(schema),
      })),
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close()
    await this.mill.close()
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true })
  }

  #logger(): Logger {
    const line =
      (level: string) =>
      (data: object | string): void =>
        void this.logged.push({ data: typeof data === 'string' ? { message: data } : data, level })
    return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
  }
}
