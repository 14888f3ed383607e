/**
 * The thread of the far hearts: it opens what renews leases as soon as that may be needed, takes in what comes, and
 * lives until the line to it closes.
 */
import { imported, threadStart, type Port } from '../platform/threads.ts'
import { Lodger } from './lodging.ts'
import type { Holding } from './messages.ts'
import type { Leases, LeasesModule } from '../store/sessions.ts'

const { data, port: control } = threadStart()
const { module, export: name, options } = data as LeasesModule
/** Those that came before it was open. */
let waiting: Lodger[] = []
let opening: Promise<void> | undefined
let closed = false
let take = (lodger: Lodger): void => void waiting.push(lodger)
control.on('message', (port: Port) => {
  take(new Lodger(port, () => void (opening ??= open())))
})
control.on('close', () => (closed = true))

function hold(what: Holding): void {
  control.postMessage(what)
}

async function open(): Promise<void> {
  hold('attempt')
  try {
    const leasesOf = (await imported(module, name)) as (options: unknown) => Leases
    const leases = leasesOf(options)
    await leases.open()
    hold('connection')
    const close = (): void => void leases.close()
    if (closed) close()
    else control.on('close', close)
    take = (lodger) => lodger.beatBy(leases)
  } catch (error) {
    take = (lodger) => lodger.refuse(error)
    control.close()
  }
  for (const lodger of waiting) take(lodger)
  waiting = []
}
