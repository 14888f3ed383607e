/** One process of a load. */
import { caseNamed } from './loads.ts'
import { measured, measuredAndProfiled } from './measuring/span.ts'
import type { FromChild, Job, ToChild } from './protocol.ts'
import type { Role, RoleReport } from './load.ts'
import type { Table } from './measuring/profile.ts'

const going = Promise.withResolvers<void>()
const stopping = Promise.withResolvers<void>()

process.on('message', (message: ToChild) => {
  if (message.kind === 'go') going.resolve()
  else stopping.resolve()
})
// without its runner nobody asks for the answer any more
process.on('disconnect', () => process.exit(1))

const job = JSON.parse(process.argv[2]!) as Job
try {
  const report = await work()
  const { user, system } = process.cpuUsage()
  await tell({ kind: 'report', report, cpuUs: user + system })
  process.exit(0)
} catch (error) {
  await tell({
    kind: 'failed',
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  })
  process.exit(1)
}

async function work(): Promise<RoleReport> {
  const tables: Table[] = []
  const role: Role = {
    name: job.role,
    contender: job.contender,
    engine: job.engine,
    url: job.url,
    storeUrl: job.storeUrl,
    quick: job.quick,
    stopped: stopping.promise,
    async ready() {
      await tell({ kind: 'ready' })
      await going.promise
    },
    progress: (handled) => void tell({ kind: 'progress', handled }),
    async span(stretch) {
      if (!job.profiled) return measured(stretch, job.enginePid)
      const { span, tables: found } = await measuredAndProfiled(stretch, job.enginePid)
      tables.push(...found)
      return span
    },
  }
  const report = await caseNamed(job.case).run(role)
  return tables.length === 0 ? report : { ...report, tables }
}

function tell(message: FromChild): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send!(message, (error: Error | null) => (error === null ? resolve() : reject(error)))
  })
}
