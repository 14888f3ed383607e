/** Adds up all that a home holds, each number in two ways, and says where they differ. */
import { createClient, RESP_TYPES } from '@redis/client'

interface Task {
  readonly state: string
  readonly held: boolean
  readonly limited: boolean
  readonly queue: string
  readonly route: string
  readonly level: string
  readonly lane: string
  /** Of its payload, or of its result. */
  readonly size: number
  readonly extras: ReadonlyMap<string, string>
}

const HELD = 1
const APART = 16
const LIMITED = 64
const OWNED = 256

/** @returns sentences; none if all is well */
export async function audit(url: string, namespace: string): Promise<readonly string[]> {
  const home = await Home.read(url, `{mr:${namespace}}`)
  const found: string[] = []
  const same = (what: string, left: unknown, right: unknown): void => {
    const [a, b] = [JSON.stringify(left), JSON.stringify(right)]
    if (a !== b) found.push(`${what}: ${a} is not ${b}`)
  }
  auditQueues(home, same)
  auditPlaces(home, same)
  auditLives(home, same)
  auditLanes(home, same)
  auditHoldings(home, same)
  auditLogs(home, same)
  auditSchedules(home, same)
  return found
}

type Same = (what: string, left: unknown, right: unknown) => void

function auditQueues(home: Home, same: Same): void {
  for (const queue of home.hash('Q').values()) {
    const counts = home.hash(`q${queue}`)
    const mine = [...home.tasks].filter(([, task]) => task.queue === queue)
    for (const letter of ['b', 'p', 'h', 'r', 's', 'f', 'c']) {
      const there = mine.filter(([, task]) => (task.state === 'p' && task.held ? 'h' : task.state) === letter)
      same(`count ${letter} of ${hex(queue)}`, Number(counts.get(letter) ?? 0), there.length)
    }
    const kept = mine.filter(([id, { state }]) => isFinal(state) && !home.hash('K').has(id))
    same(`finals of ${hex(queue)}`, Number(counts.get('N') ?? 0), kept.length)
  }
}

function auditPlaces(home: Home, same: Same): void {
  const entries = new Map<string, number>()
  const met = (id: string): void => void entries.set(id, (entries.get(id) ?? 0) + 1)
  for (const [key, value] of home.values) {
    if (key.startsWith('l') && Array.isArray(value)) {
      for (const id of value as string[]) met(id)
      const queue = key.slice(1, 4)
      if (key.length === 8) {
        same(`list ${hex(key)} is known`, home.set(`a${queue}`).has(key.slice(4)), true)
      } else {
        same(`list ${hex(key)} is in its ring`, home.hash(`8${key.slice(1, 8)}`).has(key.slice(8)), true)
      }
    }
    if (key.startsWith('9')) {
      const lane = key.length === 8 ? NOLANE : key.slice(8)
      for (const member of (value as ReadonlyMap<string, string>).keys()) met(member.slice(6, 22))
      same(`${hex(key)} is in its ring`, home.hash(`8${key.slice(1, 8)}`).has(`${lane}y`), true)
    }
    if (key.startsWith('8')) {
      same(`ring ${hex(key)} is known`, home.set(`a${key.slice(1, 4)}`).has(`${key.slice(4)}j`), true)
      same(`queue of ring ${hex(key)} has rings`, home.hash(`q${key.slice(1, 4)}`).get('rings'), '1')
    }
    if (key.startsWith('d') && value instanceof Map && key.length === 7) {
      for (const member of value.keys()) met((member as string).slice(6, 22))
      const next = Math.min(...[...value.values()].map(Number))
      same(`next of ${hex(key)}`, Number(home.hash(`n${key.slice(1, 4)}`).get(key.slice(4))), next)
    }
  }
  for (const id of new Set([...entries.keys(), ...home.tasks.keys()])) {
    const task = home.tasks.get(id)
    const right = task?.state === 'p' && !task.held && !follows(home, id, task) ? 1 : 0
    const left = Number(task === undefined ? (home.hash('Y').get(id) ?? 0) : (task.extras.get('d') ?? 0))
    same(`entries of ${hex(id)} (${task?.state})`, entries.get(id) ?? 0, right + left)
  }
  const waiting = [...home.tasks].filter(([, { state, limited, extras }]) => {
    return limited && (state === 'b' || state === 'p') && (extras.has('sb') || extras.has('dl'))
  })
  for (const id of home.hash('e').keys()) {
    same(
      `${hex(id)} may end by its time`,
      waiting.some(([of]) => of === id),
      true,
    )
  }
  for (const id of home.hash('o').keys()) same(`${hex(id)} in o runs`, home.tasks.get(id)?.state, 'r')
}

const NOLANE = '\0'.repeat(8)
const FIFO = 128

function isFifo({ lane }: Task): boolean {
  return lane.charCodeAt(4) >= FIFO
}

function seriesOf(home: Home, { queue, lane }: Task): readonly string[] {
  return [...home.hash(`P${queue}${lane.slice(0, 4)}`).keys()]
}

function follows(home: Home, id: string, task: Task): boolean {
  return isFifo(task) && seriesOf(home, task)[0] !== id
}

function auditLanes(home: Home, same: Same): void {
  const users = new Map<string, number>()
  for (const [id, task] of home.tasks) {
    if (task.lane === NOLANE) continue
    users.set(task.lane, (users.get(task.lane) ?? 0) + 1)
    const listed = seriesOf(home, task).includes(id)
    same(`${hex(id)} (${task.state}) is in its series`, listed, isFifo(task) && !isFinal(task.state))
  }
  for (const [lane, count] of home.hash('3')) {
    same(`tasks of lane ${hex(lane)}`, Number(count), users.get(lane) ?? 0)
    same(`lane ${hex(lane)} is unused`, home.hash('4').has(lane), !users.has(lane))
  }
  for (const lane of users.keys()) same(`lane ${hex(lane)} is named`, home.hash('2').has(lane), true)
  for (const queue of home.hash('Q').values()) {
    const behind = [...home.tasks].filter(([id, task]) => {
      return task.queue === queue && task.state === 'p' && !task.held && follows(home, id, task)
    })
    const ids = behind.map(([id]) => hex(id)).toSorted()
    same(`followers in ${hex(queue)}`, [...home.hash(`P${queue}`).keys()].map(hex).toSorted(), ids)
  }
  const series = [...home.values].filter(([key]) => key.startsWith('P'))
  for (const [key, value] of series) {
    for (const id of (value as ReadonlyMap<string, string>).keys())
      same(`${hex(id)} of series ${hex(key)} is there`, home.tasks.has(id), true)
  }
}

/** What is told of queues and partitions, and of what is due soon. */
function auditHoldings(home: Home, same: Same): void {
  const live = [...home.tasks].filter(([, { state }]) => !isFinal(state))
  const held = new Map<string, string>()
  const hold = (field: string, n: number): void => {
    if (n > 0) held.set(field, String(Number(held.get(field) ?? 0) + n))
  }
  const bytes = new Map<string, number>()
  for (const [id, { queue, lane, size, state }] of live) {
    bytes.set(queue, (bytes.get(queue) ?? 0) + size)
    const run = Buffer.from(home.hash('r').get(id) ?? '', 'latin1')
    if (run.length === PLAIN_RUN) same(`size of ${hex(id)} (${state})`, run.readUInt32BE(88), size)
    if (lane.startsWith(NOPARTITION)) continue
    hold(lane.slice(0, 4), 1)
    hold(`${lane.slice(0, 4)}b`, size)
  }
  for (const queue of home.hash('Q').values()) {
    same(`live bytes of ${hex(queue)}`, Number(home.hash(`q${queue}`).get('L') ?? 0), bytes.get(queue) ?? 0)
  }
  same('what partitions hold', sorted(home.hash('0')), sorted(held))
  const due = new Map(
    live.flatMap(([id, { state, extras }]) =>
      state !== 'r' && extras.has('db') ? [[id, extras.get('db')!] as const] : [],
    ),
  )
  same('due soon', sorted(home.hash('O')), sorted(due))
}

const NOPARTITION = '\0'.repeat(4)
const PLAIN_RUN = 92

function auditLives(home: Home, same: Same): void {
  const running = [...home.hash('r')].filter(([id]) => id !== '')
  for (const [id, run] of running) {
    same(`${hex(id)} is with its session`, home.set(`u${run.slice(64, 80)}`).has(id), true)
  }
  const keys = new Map<string, string>()
  const pins = new Map<string, string>()
  const blockers = new Map<string, number>()
  for (const [id, { state, extras }] of home.tasks) {
    if (isFinal(state)) continue
    const key = extras.get('u')
    if (key !== undefined && !extras.has('um')) keys.set(key, id)
    // one that came back to wait may do so without its key
    const waits = extras.get('um') === 'w' && (state === 'b' || state === 'p')
    if (key !== undefined && waits && home.hash('k').get(key) === id) keys.set(key, id)
    for (const parent of parentsOf(extras)) pins.set(parent, String(Number(pins.get(parent) ?? 0) + 1))
  }
  same('unique keys', sorted(home.hash('k')), sorted(keys))
  same('windows', [...home.hash('V').keys()].toSorted(), [...home.hash('U').keys()].toSorted())
  same('pins', sorted(home.hash('i')), sorted(pins))
  const owed = new Set<string>()
  for (const [key, value] of home.values) {
    const kind = key[0]!
    if ((kind === 'w' && key.length === 17) || kind === 'W' || kind === 'G') {
      for (const child of value as ReadonlySet<string>) {
        const id = child.slice(0, 16)
        blockers.set(id, (blockers.get(id) ?? 0) + 1)
      }
    }
    if (kind === 'w') same(`${hex(key)} lives`, isFinal(home.tasks.get(key.slice(1))?.state ?? 's'), false)
    if (kind === 'W') owed.add(key.slice(1))
    if (kind === 'u')
      same(
        `${hex(key)} all run`,
        [...(value as ReadonlySet<string>)].every((id) => home.tasks.get(id)?.state === 'r'),
        true,
      )
    if ((kind === 'x' || kind === 'p') && key.length === 17)
      same(`${hex(key)} has a task`, home.tasks.has(key.slice(1)), true)
  }
  same('outbox', [...home.hash('b').keys()].toSorted(), [...owed].toSorted())
  const indexed = [...home.hash('B')].flatMap(([id, ends]) =>
    ends.match(/[\s\S]{7}/g)!.map((end) => id + end),
  )
  same('outbox by parent', indexed.toSorted(), [...owed].toSorted())
  for (const [id, { state, extras }] of home.tasks) {
    same(`blockers of ${hex(id)} (${state})`, Number(extras.get('b') ?? 0), blockers.get(id) ?? 0)
    same(`${hex(id)} is blocked`, state === 'b', extras.has('b'))
  }
  same('tombstones', [...home.hash('z').keys()].toSorted(), [...home.hash('Z').keys()].toSorted())
}

function auditLogs(home: Home, same: Same): void {
  const sum = (name: string): number => [...home.hash(name).values()].reduce((all, n) => all + Number(n), 0)
  same('arrivals', sum('cA'), home.tasks.size)
  same('ends', sum('cE'), [...home.tasks.values()].filter(({ state }) => isFinal(state)).length)
}

function auditSchedules(home: Home, same: Same): void {
  const names = [...home.values.keys()].filter((key) => key.startsWith('J')).map((key) => key.slice(1))
  same('schedules', [...home.hash('j').keys()].toSorted(), names.toSorted())
  const waiting = names.filter((name) => {
    const row = home.hash(`J${name}`)
    return row.get('h') === '0' && row.get('n') !== ''
  })
  same('schedules that wait', [...home.hash('y').keys()].toSorted(), waiting.toSorted())
}

function isFinal(state: string): boolean {
  return state === 's' || state === 'f' || state === 'c'
}

function parentsOf(extras: ReadonlyMap<string, string>): readonly string[] {
  return (extras.get('a')?.match(/[\s\S]{17}/g) ?? []).map((edge) => edge.slice(0, 16))
}

function sorted(map: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  return [...map].map(([a, b]) => [hex(a), hex(b)] as const).toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function hex(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex')
}

type Value = string | readonly string[] | ReadonlySet<string> | ReadonlyMap<string, string>

/** All keys of a home; bytes as latin1 text. */
class Home {
  readonly tasks = new Map<string, Task>()
  readonly values: ReadonlyMap<string, Value>

  private constructor(values: ReadonlyMap<string, Value>) {
    this.values = values
    for (const [key, value] of values) {
      if (!key.startsWith('t')) continue
      const id = key.slice(1)
      const record = Buffer.from(value as string, 'latin1')
      const flags = record.readUInt16BE(1)
      const body = (flags & OWNED) === 0 ? 59 : 111
      this.tasks.set(id, {
        state: this.hash('r').has(id) ? 'r' : String.fromCharCode(record[0]!),
        held: (flags & HELD) !== 0,
        limited: (flags & LIMITED) !== 0,
        queue: record.toString('latin1', 22, 25),
        route: record.toString('latin1', 25, 28),
        level: record.toString('latin1', 3, 4),
        lane: record.toString('latin1', 47, 55),
        size: (flags & APART) === 0 ? record.length - body : record.readUInt32BE(body),
        extras: this.hash(`x${id}`),
      })
    }
  }

  hash(key: string): ReadonlyMap<string, string> {
    return (this.values.get(key) as ReadonlyMap<string, string> | undefined) ?? new Map<string, string>()
  }

  set(key: string): ReadonlySet<string> {
    return (this.values.get(key) as ReadonlySet<string> | undefined) ?? new Set<string>()
  }

  static async read(url: string, prefix: string): Promise<Home> {
    const client = await createClient({ url, RESP: 2 }).connect()
    const raw = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }) as unknown as {
      sendCommand(args: readonly (string | Buffer)[]): Promise<unknown>
    }
    const values = new Map<string, Value>()
    for (const key of (await raw.sendCommand(['KEYS', `${prefix}*`])) as readonly Buffer[]) {
      const type = String(await raw.sendCommand(['TYPE', key]))
      values.set(text(key).slice(prefix.length), await valueOf(raw, type, key))
    }
    client.destroy()
    return new Home(values)
  }
}

function text(bytes: unknown): string {
  return Buffer.isBuffer(bytes) ? bytes.toString('latin1') : String(bytes)
}

async function valueOf(
  client: { sendCommand(args: readonly (string | Buffer)[]): Promise<unknown> },
  type: string,
  key: Buffer,
): Promise<Value> {
  switch (type) {
    case 'string':
      return text(await client.sendCommand(['GET', key]))
    case 'list':
      return ((await client.sendCommand(['LRANGE', key, '0', '-1'])) as readonly unknown[]).map(text)
    case 'set':
      return new Set(((await client.sendCommand(['SMEMBERS', key])) as readonly unknown[]).map(text))
    case 'zset':
      return pairs(await client.sendCommand(['ZRANGE', key, '0', '-1', 'WITHSCORES']))
    default:
      return pairs(await client.sendCommand(['HGETALL', key]))
  }
}

function pairs(reply: unknown): ReadonlyMap<string, string> {
  const flat = reply as readonly unknown[]
  const map = new Map<string, string>()
  for (let i = 0; i < flat.length; i += 2) map.set(text(flat[i]), text(flat[i + 1]))
  return map
}
