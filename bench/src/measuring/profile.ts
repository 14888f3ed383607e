/** Where the time of each thread goes: a sampling profile of a stretch of work, as a table of functions. */
import { Session } from 'node:inspector/promises'
import { fileURLToPath } from 'node:url'
import type { Profiler } from 'node:inspector'

const INTERVAL_US = 200

/** Functions with less than this share of a thread's busy time are summed up. */
const SHARE_MIN = 0.01

export interface Table {
  readonly thread: string
  /** Busy time; the rest was spent waiting. */
  readonly busyMs: number
  readonly rows: readonly Row[]
}

export interface Row {
  readonly name: string
  readonly place: string
  readonly selfMs: number
}

/** Profiles the main thread and all worker threads that exist when the work begins. */
export async function profiled(work: () => Promise<void>): Promise<readonly Table[]> {
  const session = new Session()
  session.connect()
  const threads = new Threads(session)
  await threads.attach()
  await threads.post('Profiler.enable')
  await threads.post('Profiler.setSamplingInterval', { interval: INTERVAL_US })
  await threads.post('Profiler.start')
  await work()
  const profiles = await threads.post('Profiler.stop')
  session.disconnect()
  return profiles.map((answer, index) =>
    tableOf(index === 0 ? 'main thread' : `thread ${index}`, (answer as Profiler.StopReturnType).profile),
  )
}

/** The inspector's view of this process: its main thread, and its workers by way of it. */
class Threads {
  readonly #session: Session
  readonly #workers: string[] = []
  readonly #waiting = new Map<number, (answer: unknown) => void>()
  #calls = 0

  constructor(session: Session) {
    this.#session = session
  }

  async attach(): Promise<void> {
    this.#session.on('NodeWorker.attachedToWorker', ({ params }) => this.#workers.push(params.sessionId))
    this.#session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      const { id, result } = JSON.parse(params.message) as { readonly id: number; readonly result: unknown }
      this.#waiting.get(id)?.(result)
    })
    await this.#session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
    // one that starts later was not asked to begin, and could not tell what it did
    this.#session.removeAllListeners('NodeWorker.attachedToWorker')
  }

  /** The answers of all threads, the main thread's first. */
  async post(method: string, params: object = {}): Promise<readonly unknown[]> {
    const own = this.#session.post(method, params)
    return Promise.all([own, ...this.#workers.map((sessionId) => this.#tell(sessionId, { method, params }))])
  }

  async #tell(
    sessionId: string,
    call: { readonly method: string; readonly params: object },
  ): Promise<unknown> {
    const id = ++this.#calls
    const answer = new Promise((resolve) => this.#waiting.set(id, resolve))
    await this.#session.post('NodeWorker.sendMessageToWorker', {
      sessionId,
      message: JSON.stringify({ id, ...call }),
    })
    return answer
  }
}

type Node = Profiler.ProfileNode
type Nodes = ReadonlyMap<number, { readonly node: Node; readonly parent: Node | undefined }>

function tableOf(thread: string, { nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Table {
  const known = withParents(nodes)
  const spent = new Map<string, { readonly name: string; readonly place: string; selfMs: number }>()
  let busyMs = 0
  for (const [index, id] of samples.entries()) {
    const { name, place } = describe(known, id)
    if (name === '(idle)') continue
    // a delta is the time up to its sample, so what a sample stands for is the one behind it
    const ms = Math.max(timeDeltas[index + 1] ?? INTERVAL_US, 0) / 1_000
    const key = `${name} ${place}`
    const row = spent.get(key) ?? { name, place, selfMs: 0 }
    row.selfMs += ms
    busyMs += ms
    spent.set(key, row)
  }
  const sorted = [...spent.values()].toSorted((a, b) => b.selfMs - a.selfMs)
  const large = sorted.filter(({ selfMs }) => selfMs >= busyMs * SHARE_MIN)
  const restMs = sorted.slice(large.length).reduce((total, { selfMs }) => total + selfMs, 0)
  const rest: Row = { name: `(${sorted.length - large.length} others)`, place: '', selfMs: restMs }
  return { thread, busyMs, rows: [...large, rest] }
}

function withParents(nodes: readonly Node[]): Nodes {
  const parents = new Map<number, Node>()
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node)
  return new Map(nodes.map((node) => [node.id, { node, parent: parents.get(node.id) }]))
}

/** A function by its name and place; a native one also by who called it, because all statements look alike. */
function describe(nodes: Nodes, id: number): Omit<Row, 'selfMs'> {
  const { node } = nodes.get(id)!
  const name = node.callFrame.functionName || '(anonymous)'
  if (node.callFrame.url !== '' || name.startsWith('(')) return { name, place: placeOf(node.callFrame) }
  for (let caller = nodes.get(id)!.parent; caller !== undefined; caller = nodes.get(caller.id)!.parent) {
    const { functionName, url } = caller.callFrame
    // the one door to all statements says nothing about which one it was
    if (url === '' || url.startsWith('node:') || url.endsWith('/database.ts') || url.endsWith('/database.js'))
      continue
    return { name: `${name} < ${functionName || '(anonymous)'}`, place: placeOf(caller.callFrame) }
  }
  return { name, place: '' }
}

function placeOf({ url, lineNumber }: Node['callFrame']): string {
  if (url === '') return ''
  const path = url.startsWith('file:') ? fileURLToPath(url) : url
  const short = /(?:packages|bench)\/.*|node_modules\/.*/.exec(path)?.[0] ?? path
  return `${short}:${lineNumber + 1}`
}
