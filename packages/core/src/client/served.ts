/** What a server gets of the client that it stands behind. */
import type { Logger } from '../task/logger.ts'
import type { Platform } from '../platform/platform.ts'
import type { Store } from '../store/port.ts'

/** Of a client: its store, and what it looks at the world by. Not for users. */
export interface Served {
  readonly store: Store
  readonly platform: Platform
  readonly logger: Logger
  /** Whether the store counts as down. */
  readonly isDown: boolean
}
