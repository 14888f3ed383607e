/** Limits and partitions, as they travel. */
import * as scripts from './lua/scripts.ts'
import { packText } from './exchanging.ts'
import type {
  Allowance,
  LimitName,
  LimitRecord,
  LimitsAnswer,
  LimitSettings,
  LimitsRequest,
  PartitionRecord,
  PartitionSettings,
  RecountAnswer,
} from '@millrace/core/store'
import type { Home } from './home.ts'
import type { Reply } from './line.ts'

export async function configureLimit(
  home: Home,
  { nonce, name, version, allowance, shutMs, by }: LimitSettings,
): Promise<'applied' | 'outdated'> {
  const { concurrency, rate } = allowance
  const reply = await home.ask(scripts.configureLimit, (packer) => {
    packer.array(9).text(name).text(nonce)
    packer.int(version ?? -1).int(concurrency ?? -1)
    packer
      .int(rate?.limit ?? -1)
      .int(rate?.perMs ?? 1)
      .int(rate?.burst ?? 1)
    packer.text(by).int(shutMs ?? -1)
  })
  return String((reply as readonly Buffer[])[0]) === 'applied' ? 'applied' : 'outdated'
}

export async function removeLimit(home: Home, name: LimitName): Promise<void> {
  await home.ask(scripts.removeLimit, (packer) => packer.array(1).text(name))
}

type Listed = readonly [
  name: Buffer,
  version: number,
  concurrency: number,
  limit: number,
  perMs: number,
  burst: number,
  by: Buffer,
  shutUntil: number,
  configuredAt: number,
  keys: readonly (Buffer | number)[],
]

export async function limits(home: Home, request: LimitsRequest): Promise<LimitsAnswer> {
  const { names, limit, cursor, keysMax, keys } = request
  const reply = await home.ask(scripts.limitsListed, (packer) => {
    packer.array(5)
    if (names === null) packer.no()
    else packer.array(names.length)
    for (const name of names ?? []) packer.text(name)
    packer.int(limit)
    packText(packer, cursor)
    packer.int(keysMax)
    if (keys === undefined) packer.no()
    else packer.array(keys.length)
    for (const key of keys ?? []) packer.text(key)
  })
  const [next, more, listed] = reply as readonly [Buffer, number, readonly Listed[]]
  return { limits: listed.map(recordOf), next: more === 1 ? String(next) : null }
}

function recordOf([name, version, concurrency, limit, perMs, burst, ...rest]: Listed): LimitRecord {
  const [by, shutUntil, configuredAt, flat] = rest
  const allowance: Allowance = {
    concurrency: concurrency < 0 ? null : concurrency,
    rate: limit < 0 ? null : { limit, perMs, burst },
  }
  const keys: LimitRecord['keys'][number][] = []
  for (let i = 0; i < flat.length; i += 4) {
    keys.push({
      key: String(flat[i]),
      used: Number(flat[i + 1]),
      arrivalAt: Number(String(flat[i + 2])),
      shutUntil: Number(flat[i + 3]),
    })
  }
  const setBy = String(by) as LimitRecord['by']
  return { name: String(name), version, allowance, by: setBy, shutUntil, configuredAt, keys }
}

export async function recount(home: Home): Promise<RecountAnswer> {
  const reply = await home.ask(scripts.recount, (packer) => packer.array(0))
  const [keys, flat] = reply as readonly [number, readonly Reply[]]
  const mended: RecountAnswer['mended'][number][] = []
  for (let i = 0; i < flat.length; i += 4) {
    const [name, key, was, is] = flat.slice(i, i + 4)
    mended.push({ name: String(name), key: String(key), was: Number(was), is: Number(is) })
  }
  return { keys, mended }
}

export async function configurePartition(
  home: Home,
  { partition, weight }: PartitionSettings,
): Promise<void> {
  await home.ask(scripts.configurePartition, (packer) =>
    packer
      .array(2)
      .text(partition)
      .int(weight ?? -1),
  )
}

export async function partitions(home: Home): Promise<readonly PartitionRecord[]> {
  const reply = await home.ask(scripts.partitions, (packer) => packer.array(0))
  const records = (reply as readonly Buffer[]).map((value) => ({
    partition: value.toString('utf8', 2),
    weight: value.readUInt16BE(0),
  }))
  return records.toSorted((one, other) => (one.partition < other.partition ? -1 : 1))
}
