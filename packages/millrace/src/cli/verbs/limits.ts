import type { Command } from 'commander'
import { duration, InvalidArgumentError, type LimitReference, type Mill } from '@millrace/core'
import { grouped, table } from '../output.ts'
import { relative } from '../time.ts'
import { withStore } from '../session.ts'

type Limits = Awaited<ReturnType<Mill['limits']['list']>>
type Limit = Limits[number]

interface PutFlags {
  readonly concurrency?: string
  readonly rate?: string
  readonly burst?: string
}

export function addLimits(program: Command): void {
  const limits = program
    .command('limits')
    .summary('how much may run at once, or in a time')
    .description(
      'Lists the limits, and the keys that use them most. A limit is named by its definition; queue:NAME and ' +
        'type:NAME hold for all tasks of a queue or a type.',
    )
    .action((_: unknown, command: Command) => list(command))
  limits
    .command('put')
    .summary('set a limit')
    .description('Sets what a limit allows, from now on, for all workers. It goes before what code declares.')
    .argument('<name>', 'the name of the limit, or queue:NAME, or type:NAME')
    .option('--concurrency <n>', 'at most so many at once under each key')
    .option('--rate <n/duration>', 'at most so many in a time: 100/1s')
    .option('--burst <n>', 'how many may start at once after a pause (default: a tenth of the rate)')
    .action((name: string, flags: PutFlags, command: Command) =>
      withStore(command, async ({ mill, output }) => {
        await mill.limits.put(referenceOf(name), settingOf(flags))
        if (output.json) output.value({ limit: name })
        else output.line(`The limit ${name} holds. To lift it: millrace limits remove ${name}`)
      }),
    )
  limits
    .command('remove')
    .summary('lift a limit')
    .description('Lifts a limit, until it is put, or a worker starts whose code declares it.')
    .argument('<name>', 'the name of the limit, or queue:NAME, or type:NAME')
    .action((name: string, _: unknown, command: Command) =>
      withStore(command, async ({ mill, output }) => {
        await mill.limits.remove(referenceOf(name))
        if (output.json) output.value({ limit: name, removed: true })
        else output.line(`Nothing is held back by ${name} any more.`)
      }),
    )
  limits
    .command('recount')
    .summary('count what runs under limits once more')
    .description('Counts what runs under each limit on concurrency once more, and mends what does not agree.')
    .action((_: unknown, command: Command) => recount(command))
}

async function recount(command: Command): Promise<void> {
  await withStore(command, async ({ mill, output }) => {
    const answer = await mill.limits.recount()
    if (output.json) return output.value(answer)
    const { keys, mended } = answer
    for (const { name, key, was, is } of mended)
      output.line(`${name}${key === '' ? '' : ` ${key}`}: ${grouped(was)} were counted, ${grouped(is)} run`)
    output.line(`${grouped(keys)} keys were counted, ${grouped(mended.length)} of them were wrong.`)
  })
}

export function addBreakers(program: Command): void {
  const breakers = program
    .command('breakers')
    .summary('which dependencies are left alone')
    .description('Lists the circuit breakers that ever opened.')
    .action((_: unknown, command: Command) => listBreakers(command))
  breakers
    .command('trip')
    .summary('open a breaker')
    .description('Opens a breaker: nothing that needs it starts for a while, then probes do.')
    .argument('<name>', 'the name of the breaker')
    .option('--for <duration>', 'how long, as 5m', '30s')
    .action((name: string, flags: { readonly for: string }, command: Command) =>
      withStore(command, async ({ mill, output }) => {
        await mill.breakers.trip(name, { for: duration(flags.for) })
        if (output.json) output.value({ breaker: name, state: 'open' })
        else
          output.line(
            `The breaker ${name} is open for ${flags.for}. To close it: millrace breakers reset ${name}`,
          )
      }),
    )
  breakers
    .command('reset')
    .summary('close a breaker')
    .description('Closes a breaker at once.')
    .argument('<name>', 'the name of the breaker')
    .action((name: string, _: unknown, command: Command) =>
      withStore(command, async ({ mill, output }) => {
        await mill.breakers.reset(name)
        if (output.json) output.value({ breaker: name, state: 'closed' })
        else output.line(`The breaker ${name} is closed.`)
      }),
    )
}

export function addPartitions(program: Command): void {
  const partitions = program
    .command('partitions')
    .summary('partitions with a weight of their own')
    .description('Lists the partitions whose weight is not 1: they get so many times the turns of others.')
    .action((_: unknown, command: Command) =>
      withStore(command, async ({ mill, output, place }) => {
        const found = await mill.partitions.list()
        if (output.json) return found.forEach((partition) => output.value(partition))
        if (found.length === 0) return output.line(`All partitions in ${place} have the same weight.`)
        const rows = found.map(({ partition, weight }) => [partition, grouped(weight)])
        for (const line of table(['PARTITION', 'WEIGHT'], rows)) output.line(line)
      }),
    )
  partitions
    .command('put')
    .summary('give a partition a weight')
    .description('Says how many times the turns of others a partition gets, in all queues.')
    .argument('<partition>', 'the key of the partition')
    .requiredOption('--weight <n>', 'a whole number from 1 to 1 000; 1 is that of all others')
    .action((partition: string, { weight }: { readonly weight: string }, command: Command) =>
      withStore(command, async ({ mill, output }) => {
        await mill.partitions.put(partition, { weight: Number(weight) === 1 ? null : Number(weight) })
        if (output.json) output.value({ partition, weight: Number(weight) })
        else output.line(`The partition ${partition} has the weight ${weight}.`)
      }),
    )
}

function referenceOf(name: string): LimitReference {
  if (name.startsWith('queue:')) return { queue: name.slice('queue:'.length) }
  return name.startsWith('type:') ? { type: name.slice('type:'.length) } : name
}

function settingOf({ concurrency, rate, burst }: PutFlags): Parameters<Mill['limits']['put']>[1] {
  const setting = concurrency === undefined ? {} : { concurrency: Number(concurrency) }
  if (rate === undefined && burst !== undefined)
    throw new InvalidArgumentError('A burst has no rate.', { hint: 'Give it, too: --rate 100/1s' })
  if (rate === undefined) return setting
  const [, limit, per] = /^(\d+)\/(.+)$/.exec(rate) ?? []
  if (limit === undefined || per === undefined) {
    throw new InvalidArgumentError(`The rate is ${JSON.stringify(rate)}.`, {
      hint: 'It is a number and a time: --rate 100/1s',
    })
  }
  const bursts = burst === undefined ? {} : { burst: Number(burst) }
  return { ...setting, rate: { limit: Number(limit), per: duration(per), ...bursts } }
}

async function list(command: Command): Promise<void> {
  await withStore(command, async ({ mill, output, place }) => {
    const found = await mill.limits.list()
    if (output.json) return found.forEach((limit) => output.value(limit))
    if (found.length === 0) return output.line(`No limits in ${place}.`)
    const rows = found.map((limit) => [
      limit.name,
      limit.allowance.concurrency === null ? '' : grouped(limit.allowance.concurrency),
      rateText(limit),
      limit.by,
      keysText(limit),
    ])
    for (const line of table(['LIMIT', 'AT ONCE', 'RATE', 'SET BY', 'USED'], rows)) output.line(line)
  })
}

function rateText({ allowance: { rate } }: Limit): string {
  return rate === null ? '' : `${rate.limit} in ${rate.perMs} ms, ${rate.burst} at once`
}

const KEYS_SHOWN = 3

function keysText({ keys }: Limit): string {
  const shown = keys.slice(0, KEYS_SHOWN).map(({ key, used }) => `${key === '' ? '' : `${key}: `}${used}`)
  return shown.join(', ') + (keys.length > KEYS_SHOWN ? ', …' : '')
}

async function listBreakers(command: Command): Promise<void> {
  await withStore(command, async ({ mill, output, place }) => {
    const found = await mill.breakers.list()
    if (output.json) return found.forEach((breaker) => output.value(breaker))
    if (found.length === 0) return output.line(`No breaker in ${place} ever opened.`)
    const now = Date.now()
    const rows = found.map(({ name, state, opensAt, changedAt }) => [
      name,
      state,
      opensAt === null ? '' : relative(Number(opensAt), now),
      relative(Number(changedAt), now),
    ])
    for (const line of table(['BREAKER', 'STATE', 'PROBES', 'CHANGED'], rows)) output.line(line)
  })
}
