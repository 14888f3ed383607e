/** `npm i millrace zod @nestjs/core @nestjs/common reflect-metadata rxjs && node main.ts` */
import { NestFactory } from '@nestjs/core'
import { AppModule } from './app.ts'

// with an HTTP server: NestFactory.create(AppModule), and app.listen(3000)
const app = await NestFactory.createApplicationContext(AppModule)
app.enableShutdownHooks()
