/** What all rooms of the server share. */
import type { Logger, Mill, Platform } from '@millrace/core'
import type { Store } from '@millrace/core/store'
import type { Authenticator } from './access/caller.ts'
import type { TokenBuckets } from './access/token-buckets.ts'
import type { Audit } from './audit/audit.ts'
import type { CallRecorder } from './metrics/call-recorder.ts'
import type { EventHub } from './service/events/hub.ts'
import type { Redact } from './service/redaction.ts'

export interface ServerParts {
  readonly mill: Mill
  /** The mill's own: open once the mill is. */
  readonly store: Store
  readonly platform: Platform
  readonly logger: Logger
  readonly authenticator: Authenticator
  readonly audit: Audit
  readonly redact: Redact
  /** How often each credential may ask, by whatever transport. Left out: each transport has its own, or none. */
  readonly rates?: TokenBuckets | undefined
  /** What reads how tasks end, once for all who listen, by whatever transport. Left out: each transport has its own. */
  readonly hub?: EventHub | undefined
  /** Told of every call that has ended. Left out: nobody wants to know. */
  readonly recorder?: CallRecorder | undefined
}
