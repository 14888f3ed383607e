/**
 * What hostile clients do, whole: `node -C @millrace/source test/hostile/main.ts [--only rest|grpc|abuse]… [--requests N]
 * [--seed N] [--attack NAME]… [--rounds N] [--seconds N]`. Throws so many requests at each port, and then what takes memory
 * and time, with what came of it, and exit code 1 if anything did harm or made a client that does none wait for more than
 * twice as long. A problem says which seed repeats it, with `--requests 250`.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { abuse, type AbuseVerdict } from './abuse/abuse.ts'
import { ATTACKS } from './abuse/attacks.ts'
import { fuzz } from './fuzz.ts'

const SEEDS = 2 ** 31
const PROBLEMS_SHOWN = 5
/** A client that does no harm may wait for so many times as long, at the 99th percentile. */
const TIMES_MAX = 2

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: ['rest', 'grpc', 'abuse'] },
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string' },
    attack: { type: 'string', multiple: true, default: Object.keys(ATTACKS) },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
  },
})
const [requests, seed] = [Number(values.requests), Number(values.seed ?? randomInt(SEEDS))]

for (const wire of ['rest', 'grpc'] as const) {
  if (!values.only.includes(wire)) continue
  const began = performance.now()
  const { problems, fates, answers, methods } = await fuzz({ wire, requests, seed })
  const seconds = Math.round((performance.now() - began) / 1_000)
  console.log(`${wire}: ${requests} requests of seed ${seed} in ${seconds} s, ${problems.length} problems`)
  console.log(`  ${fates.accepted} accepted, ${fates.refused} refused, ${fates.unknown} left or out of time`)
  if (methods > 0) console.log(`  ${methods} methods`)
  const counted = Object.entries(answers).toSorted(([, one], [, other]) => other - one)
  console.log(`  ${counted.map(([answer, times]) => `${answer}: ${times}`).join(', ')}`)
  for (const problem of problems.slice(0, PROBLEMS_SHOWN)) console.log(`  ${problem}`)
  if (problems.length > 0) process.exitCode = 1
}

/** Of an odd number of rounds the one in the middle. */
const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!

for (const attack of values.only.includes('abuse') ? values.attack : []) {
  const rounds: AbuseVerdict[] = []
  for (let round = 0; round < Number(values.rounds); round++)
    rounds.push(await abuse({ attack, seconds: Number(values.seconds), isLeftOver: true }))
  const peak = Math.max(...rounds.map(({ rss }) => rss.peak))
  const failures = rounds.flatMap((round) => round.failures)
  const latency = (['rest', 'grpc'] as const).map((wire) => {
    const [calm, abused] = (['calm', 'abused'] as const).map((part) =>
      median(rounds.map(({ p99 }) => p99[wire][part])),
    )
    const times = abused! / calm!
    if (!(times <= TIMES_MAX)) process.exitCode = 1
    return `${wire} p99 ${calm!.toFixed(1)} ms, abused ${abused!.toFixed(1)} ms (${times.toFixed(1)} times)`
  })
  const { connections, streams, bytes } = rounds[0]!.through
  const got = `${connections} connections, ${streams} streams, ${Math.round(bytes / 1_048_576)} MiB got through`
  const [calm, abused] = (['calm', 'abused'] as const).map((part) =>
    Math.round(median(rounds.map(({ cpu }) => cpu[part])) * 100),
  )
  console.log(
    `${attack} (${got}): at most ${peak} MiB, ${calm} % of a processor, abused ${abused} %, ${latency.join(', ')}, ${failures.length} failures`,
  )
  for (const failure of failures.slice(0, PROBLEMS_SHOWN)) console.log(`  ${failure}`)
  if (failures.length > 0) process.exitCode = 1
}
