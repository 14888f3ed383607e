/** A logger of one's own: pino, as it is. Each line of a handler's code says which task it belongs to. `node logging.ts` */
import { connect, currentTask, defineTask } from 'millrace'
import { pino } from 'pino'
import { z } from 'zod'

const logger = pino({ level: 'debug', base: null, mixin: () => ({ within: currentTask()?.task.type }) })

const resize = defineTask('resize', {
  input: z.object({ path: z.string() }),
  retry: { attempts: 2, base: '10ms' },
})

await using mill = await connect('memory:', { logger })
const worker = mill.worker({
  handlers: [
    resize.handler(({ path }, ctx) => {
      ctx.log.info({ path }, 'opening') // kept with the task, too
      logger.info('deep below') // by no context: the mixin knows
      if (ctx.attempt === 1) throw new Error('no such file')
    }),
  ],
})
await mill.enqueue(resize, { path: 'a.png' })
await worker.run({ until: 'idle' })
