// What a project says about itself: in this folder `npx millrace worker` needs no more, and `npx millrace config` shows it.
import { defineConfig } from 'millrace'
import { logger } from './logger.ts'

export default defineConfig({
  store: 'sqlite:project.db',
  handlers: ['./handlers.ts'],
  worker: { concurrency: 4, lease: '5s' },
  logger,
})
