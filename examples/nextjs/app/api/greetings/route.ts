/** POST /api/greetings { "name": "Ada" } enqueues; GET /api/greetings?id=… says how far it is. */
import { mill } from '../../../mill.ts'
import { greet } from '../../../tasks.ts'

export async function POST(request: Request): Promise<Response> {
  try {
    const handle = await mill.enqueue(greet, (await request.json()) as { name: string })
    return Response.json({ id: handle.id }, { status: 202 })
  } catch (error) {
    const { code, message } = error as Error & { readonly code?: string }
    if (code !== 'invalid-payload') throw error
    return Response.json({ code, message }, { status: 400 })
  }
}

export async function GET(request: Request): Promise<Response> {
  const id = new URL(request.url).searchParams.get('id') ?? ''
  const task = await mill.tasks.get(id)
  if (task === undefined) return Response.json({ code: 'not-found' }, { status: 404 })
  const result = task.state === 'succeeded' ? await mill.handle(greet, id).result({ within: '5s' }) : null
  return Response.json({ state: task.state, result })
}
