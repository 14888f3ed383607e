/** Everything below /queue is the server's. */
import { server } from '../../../server.ts'

/** What Next.js hands over beside the request is not for the server. */
const answer = (request: Request): Promise<Response> => server.fetch(request)

export { answer as GET, answer as POST, answer as PUT, answer as PATCH, answer as DELETE }
