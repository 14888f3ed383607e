/** Express: a handler of node's requests, also behind a parser of bodies. */
import type { AddressInfo } from 'node:net'
import { toNodeHandler } from '@millrace/server'
import express, { type RequestHandler } from 'express'
import { onStop, personOf, server, startWorker } from './queue.ts'

const known: RequestHandler = (request, response, next) => {
  if (personOf(request.headers.authorization) === null) response.status(401).send('Who are you?')
  else next()
}

const app = express()
app.use(express.json())
app.get('/', (_, response) => void response.send('a site with a queue'))
app.use('/queue/v1', known)
app.use('/queue', toNodeHandler(server))

await startWorker()
const listening = app.listen(0, '127.0.0.1', () =>
  console.log(`listening on ${(listening.address() as AddressInfo).port}`),
)
onStop(() => new Promise((resolve) => listening.close(resolve)))
