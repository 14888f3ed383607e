/** What all rooms of the server share. */
import type { Logger, Mill, Platform } from '@millrace/core'
import type { Store } from '@millrace/core/store'
import type { Authenticator } from './access/caller.ts'
import type { Intake } from './access/intake.ts'
import type { OpenCounts } from './access/open-counts.ts'
import type { TokenBuckets } from './access/token-buckets.ts'
import type { Traffic } from './access/traffic.ts'
import type { Audit } from './audit/audit.ts'
import type { Turns } from './listen/turns.ts'
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
  /** How much each credential may send and be sent. Left out: as much as there is. */
  readonly traffic?: Traffic | undefined
  /** By which large bodies and messages are read. Left out: each transport has its own. */
  readonly intake?: Intake | undefined
  /** Streams and waits that each credential has open, by whatever transport. Left out: each transport has its own, or none. */
  readonly open?: OpenCounts | undefined
  /** By which pages of tasks are made. Left out: all at once. */
  readonly pages?: Turns | undefined
  /** What reads how tasks end, once for all who listen, by whatever transport. Left out: each transport has its own. */
  readonly hub?: EventHub | undefined
  /** Told of every call that has ended. Left out: nobody wants to know. */
  readonly recorder?: CallRecorder | undefined
}
