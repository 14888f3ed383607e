/** Hints of the store for one client, as fast as it reads them: what it does not read in time is merged by the store. */
import { once } from 'node:events'
import { AccessError } from '@millrace/core'
import { Caller } from '../access/caller.ts'
import { codecOf } from '../wire/codec.ts'
import { StoreService } from '../wire/generated/millrace/v1/store_pb.ts'
import { credentialsOf } from './credentials.ts'
import { refusalOf, toldOf } from './status.ts'
import type { ServerWritableStream } from '@grpc/grpc-js'
import type { Hint } from '@millrace/core/store'
import type { StreamScene } from './work-stream.ts'

const LOOK_AGAIN_MS = 3_000

const hints = codecOf<Hint>(StoreService.method.watchHints.output)

/** Tells hints until the client has left, its credential does not hold any more, or the server ends. */
export function serveHints(call: ServerWritableStream<Buffer, Buffer>, scene: StreamScene): void {
  const gone = new AbortController()
  const leave = (): void => gone.abort()
  call.on('cancelled', leave)
  call.on('close', leave)
  const { logger } = scene.parts
  tell(call, scene, AbortSignal.any([gone.signal, scene.signal])).then(
    () => call.end(),
    (error: unknown) => {
      if (!gone.signal.aborted) call.emit('error', refusalOf(toldOf(error, { logger, call: 'WatchHints' })))
    },
  )
}

async function tell(
  call: ServerWritableStream<Buffer, Buffer>,
  { parts }: StreamScene,
  signal: AbortSignal,
): Promise<void> {
  const { authenticator, platform, store } = parts
  const credentials = credentialsOf(call)
  const authenticate = async (): Promise<void> => {
    const caller = new Caller(await authenticator.authenticate(credentials))
    if (!(['enqueue', 'follow', 'view', 'work', 'operate'] as const).some((one) => caller.mayAnywhere(one)))
      throw new AccessError('forbidden', `The credential ${caller.name} has no role.`)
  }
  await authenticate()
  if (signal.aborted) return
  const watching = store.watch()
  const leave = (): void => void watching.return?.().catch(() => undefined) // nobody is there who could be told
  signal.addEventListener('abort', leave)
  let refusal: unknown
  const lookAgain = (): void =>
    void authenticate().then(
      () => (timer = platform.setTimer(LOOK_AGAIN_MS, lookAgain, 'idle')),
      (error: unknown) => {
        refusal = error
        leave()
      },
    )
  let timer = platform.setTimer(LOOK_AGAIN_MS, lookAgain, 'idle')
  try {
    for await (const hint of watching)
      if (!call.write(hints.encode(hint))) await once(call, 'drain', { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', leave)
    leave()
  }
  if (refusal !== undefined) throw refusal as Error
}
