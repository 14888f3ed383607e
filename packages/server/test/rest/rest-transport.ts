import { answerOf, requestOf, routeOf } from './requests.ts'
import type { Transport } from '../calls/transport.ts'

/** Calls over REST. */
export const rest: Transport = async ({ server }, call, { input, as }) => {
  const request = requestOf(routeOf(call), input, { authorization: `Bearer ${as}` })
  const { status, body } = await answerOf(await server.fetch(request))
  if (status < 400) return { output: body }
  const { code, detail, status: told } = body as { code: string; detail: string; status: number }
  if (told !== status) throw new Error(`The problem says ${told}, the answer ${status}.`)
  return { refused: code, detail }
}
