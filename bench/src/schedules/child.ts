/** A worker that lets schedules fire and runs what comes of it, until it is killed. */
import { connect } from 'millrace'
import { beat, type Job } from './beat.ts'

/** Nobody reads what it logs: that others are killed is the point. */
const logger = { debug() {}, info() {}, warn() {}, error() {} }

// without its parent nobody counts any more
process.on('disconnect', () => process.exit(1))

const { place } = JSON.parse(process.argv[2]!) as Job
const mill = await connect(place, { logger })
const worker = mill.worker({ handlers: beat.handler(() => undefined), concurrency: 50, lease: '2s' })
await worker.start()
process.send!('ready')
