/** From a URL to what brings its store's schema up to date. */
import { PostgresMigrator } from '@millrace/postgres'
import { SqliteMigrator } from '@millrace/sqlite'
import { parseStoreUrl } from './store-url.ts'
import type { Migrator } from '@millrace/core/store'

/**
 * @returns `null`: stores of this kind have no schema
 * @throws StoreError with the code `store-url`; InvalidArgumentError
 */
export function migratorOf(url: string, namespace?: string): Migrator | null {
  const address = parseStoreUrl(url)
  switch (address.kind) {
    case 'sqlite':
      return new SqliteMigrator({ path: address.path, namespace })
    case 'postgres':
      return new PostgresMigrator({ url: address.url, namespace })
    case 'memory':
    case 'redis':
    case 'server':
      return null
  }
}
