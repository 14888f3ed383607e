/** NestJS: the server as a provider, mounted at /queue. `npm i @millrace/server @nestjs/platform-express`, and node queue.ts */
import 'reflect-metadata'
import type { AddressInfo } from 'node:net'
import type { Server as HttpServer } from 'node:http'
import { Module, type BeforeApplicationShutdown } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { createServer, toNodeHandler, type Server } from '@millrace/server'
import { Mill } from 'millrace'
import { AppModule } from './app.ts'

/** Its streams end before Nest waits for its connections; what the client does goes on until these are closed. */
class Queue implements BeforeApplicationShutdown {
  readonly server: Server

  constructor(mill: Mill) {
    this.server = createServer(mill, {
      basePath: '/queue',
      auth: {
        authenticate: ({ authorization }) =>
          authorization === `Bearer ${process.env['QUEUE_PASSWORD'] ?? randomPassword}`
            ? { name: 'ada', grants: [{ role: 'admin', queues: ['**'] }] }
            : null,
      },
    })
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.server.close()
  }
}

/** Nobody knows it. */
const randomPassword = crypto.randomUUID()

class QueueModule {}
Module({
  imports: [AppModule],
  providers: [{ provide: Queue, useFactory: (mill: Mill) => new Queue(mill), inject: [Mill] }],
})(QueueModule)

const app = await NestFactory.create(QueueModule, { logger: ['error', 'warn'] })
app.enableShutdownHooks()
app.use('/queue', toNodeHandler(app.get(Queue).server))
await app.listen(0, '127.0.0.1')
console.log(`listening on ${((app.getHttpServer() as HttpServer).address() as AddressInfo).port}`)
