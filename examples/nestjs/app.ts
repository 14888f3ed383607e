/**
 * NestJS: a producer in a controller, a worker as a provider, and a clean end. Node runs it as it is, so the decorators are
 * called as functions; `Module({…})(AppModule)` is what `@Module({…}) class AppModule` means.
 */
import 'reflect-metadata'
import {
  Body,
  Controller,
  Module,
  Post,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common'
import { createMill, defineTask, Mill } from 'millrace'
import { z } from 'zod'

const Name = z.object({ name: z.string() })
export const greet = defineTask('greet', { input: Name, output: z.string() })

/** POST /greetings { "name": "Ada" } */
export class GreetingsController {
  readonly #mill: Mill

  constructor(mill: Mill) {
    this.#mill = mill
  }

  async create(body: z.infer<typeof Name>): Promise<{ readonly id: string }> {
    const { id } = await this.#mill.enqueue(greet, body)
    return { id }
  }
}
Controller('greetings')(GreetingsController)
Reflect.defineMetadata('design:paramtypes', [Mill], GreetingsController)
const { prototype } = GreetingsController
Post()(prototype, 'create', Object.getOwnPropertyDescriptor(prototype, 'create')!)
Body()(prototype, 'create', 0)

/** Starts with the application. It ends when no request comes any more: running handlers may finish. */
class GreetingsWorker implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #mill: Mill

  constructor(mill: Mill) {
    this.#mill = mill
  }

  async onApplicationBootstrap(): Promise<void> {
    const greeting = greet.handler(({ name }) => `Hello ${name}`)
    await this.#mill.worker({ handlers: greeting, drain: '20s' }).start()
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#mill.close()
  }
}

export class AppModule {}
Module({
  controllers: [GreetingsController],
  providers: [
    { provide: Mill, useFactory: () => createMill() },
    { provide: GreetingsWorker, useFactory: (mill: Mill) => new GreetingsWorker(mill), inject: [Mill] },
  ],
  exports: [Mill],
})(AppModule)
