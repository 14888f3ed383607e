/** Handlers that compute, hang or crash, where they harm nobody. `npm i millrace && node isolates.ts` */
import { connect, defineTask, unchecked, type TaskHandle } from 'millrace'

const primes = defineTask('primes', {
  input: unchecked<{ upTo: number }>(),
  output: unchecked<number>(),
  timeout: '2s',
  retry: false,
})
const convert = defineTask('convert', { input: unchecked<string>(), output: unchecked<string>() })

export const counting = primes.handler(
  ({ upTo }) => {
    let found = 0
    for (let n = 2; n <= upTo; n++) if (isPrime(n)) found += 1
    return found
  },
  { runIn: 'thread', heapMb: 64 },
)

export const converting = convert.handler(
  (text) => {
    if (text === '') process.abort() // as native code does when it meets what it never expected
    return text.toUpperCase()
  },
  { runIn: 'process', memoryMb: 512, env: ['TESSDATA_PREFIX'] },
)

function isPrime(n: number): boolean {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false
  return true
}

async function told(what: string, handle: TaskHandle): Promise<void> {
  const result = await handle.result({ within: '1m' }).catch((error: Error) => error.message.split(':')[0])
  const { counters } = await handle.status()
  console.log(`${what}: ${String(result).replace(handle.id, 'ID')} (crashes: ${counters.crashes})`)
}

// the isolates import this file, too: what follows is not for them
if (import.meta.main) {
  await using mill = await connect()
  const worker = mill.worker({
    handlers: [counting, converting],
    isolates: { module: new URL(import.meta.url) },
  })
  await worker.start()
  const endless = await mill.enqueue(primes, { upTo: Number.MAX_SAFE_INTEGER })
  await told('primes', await mill.enqueue(primes, { upTo: 100_000 }))
  await told('convert', await mill.enqueue(convert, 'hello'))
  await told('convert nothing', await mill.enqueue(convert, ''))
  await told('primes without end', endless)
}
