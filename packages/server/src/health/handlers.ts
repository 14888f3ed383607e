/** `GET /livez` and `GET /readyz`, for those who start and stop processes. Neither asks who calls, and neither tells a secret. */
import type { Health } from './health.ts'

type Handler = (request: Request) => Promise<Response>

/** Answers 200 as long as the process can: whatever the store does, a new process would not help. */
export function livezHandler(): Handler {
  return (request) => Promise.resolve(answer(request, 200, { status: 'alive' }))
}

/** Answers 200 while the server can be given calls, else 503, with what is the matter. */
export function readyzHandler(health: Health): Handler {
  return async (request) => {
    const { status, checks, warnings } = await health.check()
    const isReady = status === 'serving'
    return answer(request, isReady ? 200 : 503, {
      status: isReady ? 'ready' : 'not-ready',
      checks,
      ...(warnings.length === 0 ? {} : { warnings }),
    })
  }
}

function answer(request: Request, status: number, body: object): Response {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } })
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  return new Response(request.method === 'HEAD' ? null : `${JSON.stringify(body)}\n`, { status, headers })
}
