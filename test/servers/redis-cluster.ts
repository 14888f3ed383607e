/** Private Redis servers that are a cluster: each has an equal share of the slots. */
import { connect } from 'node:net'
import { freePort } from './server.ts'
import { startRedis, type RedisServer } from './redis.ts'

/** A CRC of 14 bits tells the slot of a key. */
const SLOTS = 16_384
const READY_MS = 30_000
const LOOK_MS = 50

export interface RedisCluster extends AsyncDisposable {
  readonly nodes: readonly RedisServer[]
  /** Asks one node, by a command without spaces in its arguments. */
  ask(node: number, ...command: readonly (string | number)[]): Promise<string>
  /** Which node has the slot of a key. */
  ownerOf(key: string): Promise<{ readonly slot: number; readonly node: number }>
}

export async function startRedisCluster(masters = 3): Promise<RedisCluster> {
  const started = await Promise.all(Array.from({ length: masters }, startNode))
  const nodes = started.map(({ redis }) => redis)
  const ask: RedisCluster['ask'] = (node, ...command) => asked(nodes[node]!.server.port, command.join(' '))
  const shares = nodes.map((_, index) => Math.floor((index * SLOTS) / masters))
  for (const [index, from] of shares.entries()) {
    await ask(index, 'CLUSTER', 'ADDSLOTSRANGE', from, (shares[index + 1] ?? SLOTS) - 1)
    await ask(index, 'CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
  }
  for (const { redis, busPort } of started.slice(1)) {
    await ask(0, 'CLUSTER', 'MEET', '127.0.0.1', redis.server.port, busPort)
  }
  await Promise.all(nodes.map((_, index) => untilReady(() => ask(index, 'CLUSTER', 'INFO'), masters)))
  return {
    nodes,
    ask,
    async ownerOf(key) {
      const slot = Number((await ask(0, 'CLUSTER', 'KEYSLOT', key)).slice(1))
      return { slot, node: shares.findLastIndex((from) => from <= slot) }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map(({ server }) => server.stop()))
    },
  }
}

interface Node {
  readonly redis: RedisServer
  /** By which nodes speak with each other: left to Redis it would be 10 000 higher, beyond all ports. */
  readonly busPort: number
}

async function startNode(): Promise<Node> {
  const busPort = await freePort()
  const args = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)]
  return { redis: await startRedis({ args }), busPort }
}

async function untilReady(info: () => Promise<string>, masters: number): Promise<void> {
  const end = performance.now() + READY_MS
  for (;;) {
    const said = await info()
    if (said.includes('cluster_state:ok') && said.includes(`cluster_known_nodes:${masters}\r`)) return
    if (performance.now() > end) throw new Error(`The cluster does not come together: ${said}`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

/** The answer as it comes, whole: errors too are lines. */
function asked(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' })
    let text = ''
    socket.setTimeout(5_000, () => socket.destroy(new Error(`no answer to ${command}`)))
    socket.once('error', reject)
    socket.once('connect', () => void socket.write(`${command}\r\nQUIT\r\n`))
    socket.on('data', (data) => (text += data.toString('latin1')))
    socket.once('end', () => {
      socket.destroy()
      const answer = text.replace(/\+OK\r\n$/, '')
      if (answer.startsWith('-')) reject(new Error(`${command}: ${answer}`))
      else resolve(answer)
    })
  })
}
