/** What is used of the driver, by structure: a user's own pool need not come from the same copy of it. */

/** A statement as the driver takes it. */
export interface QueryConfig {
  readonly text: string
  readonly values?: unknown[]
  readonly name?: string
  readonly rowMode?: 'array'
  readonly types?: { getTypeParser(oid: number, format?: unknown): (value: string) => unknown }
  readonly query_timeout?: number
}

/** What a statement answered, as far as the store looks at it. */
export interface QueryResult {
  readonly rows: unknown[]
  readonly rowCount: number | null
}

/** A connection in use. */
export interface PoolClient {
  query(config: QueryConfig): Promise<QueryResult | QueryResult[]>
  /** @param destroy whether the connection is not to be used again */
  release(destroy?: boolean): void
  on(event: 'notification', listener: (message: { readonly payload?: string | undefined }) => void): unknown
  on(event: 'error' | 'end', listener: (error?: Error) => void): unknown
  /** Lets the process end while it is idle, where the driver can do that. */
  unref?(): void
}

/** A pool of connections: `pg.Pool` is one. */
export interface PostgresPool {
  connect(): Promise<PoolClient>
  connect(callback: (error: Error | undefined, client: PoolClient | undefined) => void): void
  readonly options?: { readonly max?: number | undefined }
}
