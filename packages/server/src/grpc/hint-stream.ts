/** Hints of the store for one client, as fast as it reads them: what it does not read in time is merged by the store. */
import { once } from 'node:events'
import { AccessError } from '@millrace/core'
import { admitted } from './admission.ts'
import { whileItCounts } from '../access/standing.ts'
import { codecOf } from '../wire/codec.ts'
import { StoreService } from '../wire/generated/millrace/v1/store_pb.ts'
import { CallRecord } from './call-record.ts'
import { credentialsOf } from './credentials.ts'
import { refusalOf, toldOf } from './status.ts'
import type { ServerWritableStream } from '@grpc/grpc-js'
import type { Hint } from '@millrace/core/store'
import type { StreamScene } from './work-stream.ts'

/** A hint says where to look, and nothing of what is there: whoever may do anything may hear them. */
const ANY = ['enqueue', 'follow', 'view', 'work', 'operate'] as const

const hints = codecOf<Hint>(StoreService.method.watchHints.output)

/** Tells hints until the client has left, its credential does not hold any more, or the server ends. */
export function serveHints(call: ServerWritableStream<Buffer, Buffer>, scene: StreamScene): void {
  const gone = new AbortController()
  const leave = (): void => gone.abort()
  call.on('cancelled', leave)
  call.on('close', leave)
  const { parts, signal } = scene
  const record = CallRecord.of(parts, StoreService.method.watchHints)
  tell(call, { parts, record, signal: AbortSignal.any([gone.signal, signal]) }).then(
    () => {
      if (call.cancelled) record.abandoned()
      else record.ended(null)
      call.end()
    },
    (error: unknown) => {
      if (gone.signal.aborted) return record.abandoned()
      const told = toldOf(error, { logger: parts.logger, call: 'WatchHints' })
      const refusal = refusalOf(told)
      record.ended({ status: refusal.code, code: told.code, error })
      call.emit('error', refusal)
    },
  )
}

async function tell(
  call: ServerWritableStream<Buffer, Buffer>,
  { parts, record, signal }: Pick<StreamScene, 'parts' | 'signal'> & { readonly record: CallRecord },
): Promise<void> {
  const { store } = parts
  const credentials = credentialsOf(call)
  const caller = await admitted(call, parts)
  record.caller = caller.name
  if (!ANY.some((permission) => caller.mayAnywhere(permission)))
    throw new AccessError('forbidden', `The credential ${caller.name} has no role.`)
  if (signal.aborted) return
  const left = parts.open?.enter(caller.name)
  const watching = store.watch()
  const leave = (): void => void watching.return?.().catch(() => undefined) // nobody is there who could be told
  signal.addEventListener('abort', leave)
  const refused = new AbortController()
  const over = AbortSignal.any([signal, refused.signal])
  using _ = whileItCounts(parts, credentials, (error) => {
    refused.abort(error)
    leave()
  })
  try {
    for await (const hint of watching)
      if (!call.write(hints.encode(hint))) await once(call, 'drain', { signal: over })
  } catch (error) {
    if (!over.aborted) throw error
  } finally {
    signal.removeEventListener('abort', leave)
    leave()
    left?.()
  }
  if (refused.signal.aborted) throw refused.signal.reason as Error
}
