/** What is kept of each RPC when it has ended. */
import { status } from '@grpc/grpc-js'
import { codeToldOf } from './refusal.ts'
import type { DescMethod } from '@bufbuild/protobuf'
import type { ServerParts } from '../parts.ts'
import type { Refusal } from './status.ts'
import { pathOf } from './definition.ts'

export type RecordingParts = Pick<ServerParts, 'recorder' | 'platform'>

/** How an RPC ended. */
export interface RpcEnd {
  readonly caller: string | null
  /** Left out: it was answered. */
  readonly refusal?: Refusal | undefined
  readonly err?: unknown
}

/** An RPC that goes on. */
export interface OngoingRpc {
  /** Once. */
  ended(end: RpcEnd): void
}

const NONE: OngoingRpc = { ended() {} }

/** An RPC begins. */
export function record({ recorder, platform }: RecordingParts, method: DescMethod): OngoingRpc {
  if (recorder === undefined) return NONE
  const route = pathOf(method)
  const startedMs = platform.monotonicMs()
  const isUnary = method.methodKind === 'unary'
  const open = isUnary ? undefined : recorder.stream('grpc', route)
  return {
    ended({ caller, refusal, err }) {
      open?.[Symbol.dispose]()
      const code = refusal?.code ?? status.OK
      recorder.ended({
        callId: callId(platform),
        transport: 'grpc',
        method: isUnary ? 'unary' : 'stream',
        route,
        status: code,
        statusName: status[code],
        code: refusal === undefined ? null : codeToldOf(refusal),
        durationMs: platform.monotonicMs() - startedMs,
        caller,
        err,
      })
    },
  }
}

function callId({ random32 }: ServerParts['platform']): string {
  return random32().toString(16).padStart(8, '0')
}
