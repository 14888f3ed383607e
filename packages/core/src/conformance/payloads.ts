/** What users put in comes back to the letter: payloads, results, checkpoints, keys and names. */
import { cases, type ConformanceCase } from './case.ts'
import { equal } from './expect.ts'
import { SECOND } from './scene.ts'
import { fail, goOn, retry, succeed, idsOf } from './worker.ts'
import type { Payload } from '../store/records.ts'

const MIB = 1_024 * 1_024

const PAYLOADS: readonly (readonly [string, Payload])[] = [
  ['the empty text', ''],
  ['JSON null', 'null'],
  ['an object with __proto__', '{"__proto__":{"a":1},"constructor":null,"toString":0}'],
  ['an empty array and an empty object', '{"a":[],"b":{},"c":[[]]}'],
  ['digits that numbers lose', '{"n":123456789012345678901234567890,"f":1.10,"e":1E+2,"z":-0}'],
  ['white space and the order of members', ' {\n\t"b" : 1 , "a" : 2 } \r\n'],
  ['NUL in its JSON escape', '"a\\u0000b"'],
  ['text that is no JSON', "'; drop table tasks; --"],
  ['all control characters but NUL', String.fromCharCode(...Array.from({ length: 31 }, (_, n) => n + 1))],
  [
    'odd Unicode',
    '\u00e9 e\u0301 \ufeff \u2028\u2029 \u200d \ufffd \uffff \ufdd0 𝒳 👩‍👩‍👧‍👦 \u{10ffff} שלום \u202e',
  ],
  ['a byte order mark in front', '\ufeff{}'],
  ['one mebibyte of text', 'x'.repeat(MIB)],
  ['much text of three bytes a character', '€'.repeat(MIB / 3)],
  ['one byte', Uint8Array.of(0)],
  ['every byte', Uint8Array.from({ length: 257 }, (_, n) => (n === 0 ? 0 : n - 1))],
  ['bytes that are no UTF-8', Uint8Array.of(0, 0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80)],
  ['bytes that look like JSON', Uint8Array.of(0, 0x7b, 0x7d)],
  ['one mebibyte of bytes', Uint8Array.from({ length: MIB + 1 }, (_, n) => (n * 31 + (n >> 8)) & 0xff)],
]

const identical: readonly ConformanceCase[] = PAYLOADS.flatMap(([name, payload]) =>
  cases('payloads', {
    [`${name}: the same as payload, checkpoint, result and new payload`]: async (scene) => {
      const worker = await scene.worker()
      const id = await scene.enqueue({ payload })
      equal((await scene.look(id)).payload, payload, 'the payload of the task')
      const claim = await worker.claimOne()
      equal(claim.payload, payload, 'the payload of the claim')
      await worker.end(claim, goOn(payload))
      equal((await scene.look(id)).checkpoint, payload, 'the checkpoint of the task')
      await worker.end(claim, retry())
      const next = await worker.claimOne()
      equal([next.payload, next.checkpoint], [payload, payload], 'the second claim')
      await worker.end(next, fail())
      equal(await scene.command({ kind: 'retry', payload }, id), 'changed')
      const last = await worker.claimOne()
      equal([last.payload, last.checkpoint], [payload, null], 'the claim after the retry')
      await worker.end(last, succeed(payload))
      equal((await scene.look(id)).result, payload, 'the result of the task')
      const [outcome] = await scene.store.outcomes({ ids: [id], bytesMax: 8 * MIB })
      equal(outcome === 'later' ? outcome : outcome?.result, payload, 'the result of the outcome')
    },
  }),
)

const TEXTS = [
  '',
  ' ',
  '\u0001',
  'é',
  'e\u0301',
  '\ufeff',
  '\u2028',
  '𝒳',
  '"',
  "'",
  '\\',
  '%',
  '_',
  '{}',
  '__proto__',
  'x'.repeat(2_000),
]

const texts = cases('payloads', {
  'tags, metadata and headers come back to the letter': async (scene) => {
    const worker = await scene.worker()
    const entries = TEXTS.map((text, index) => [text, TEXTS.at(-index - 1)!] as const)
    // an own member `__proto__`, which an assignment would not make
    const record = Object.fromEntries(entries)
    const spec = scene.spec({ tags: ['z', 'a', 'A', 'a-b.c_d'], metadata: record, headers: record })
    await scene.add(spec)
    const { tags, metadata, headers } = spec
    const claim = await worker.claimOne()
    equal([claim.tags, claim.metadata, claim.headers], [tags, metadata, headers], 'the claim')
    await worker.end(claim)
    await scene.see(spec.id, { tags, metadata, headers })
  },

  'errors, notes and reasons come back to the letter': async (scene) => {
    const worker = await scene.worker()
    for (const text of TEXTS) {
      const id = await scene.enqueue()
      const claim = await worker.claimOne()
      const error = { name: text, message: text, code: text, stack: text }
      const log = { at: 1, level: 'debug', message: text, data: text } as const
      const progress = { fraction: 1 / 3, message: text }
      await worker.settle(claim, goOn(), { progress, logs: [log] })
      await scene.cancel(id, text)
      await worker.end(claim, { to: 'cancelled', error })
      await scene.see(id, { error, progress, logs: [log] })
      equal((await scene.look(id)).cancel?.reason, text, 'the reason')
    }
  },

  'what callers do to their bytes afterwards changes nothing': async (scene) => {
    const worker = await scene.worker()
    const payload = Uint8Array.of(0, 1, 2, 3)
    const id = await scene.enqueue({ payload })
    payload.fill(9)
    const claim = await worker.claimOne()
    equal(claim.payload, Uint8Array.of(0, 1, 2, 3), 'the payload of the claim')
    if (claim.payload instanceof Uint8Array) claim.payload.fill(8)
    equal((await scene.look(id)).payload, Uint8Array.of(0, 1, 2, 3), 'the payload of the task')
  },

  'bytes that are part of a larger buffer are kept alone': async (scene) => {
    const buffer = Uint8Array.of(7, 0, 1, 2, 7, 7)
    const id = await scene.enqueue({ payload: buffer.subarray(1, 4) })
    equal((await scene.look(id)).payload, Uint8Array.of(0, 1, 2))
  },

  'a request of eight mebibytes is taken': async (scene) => {
    const worker = await scene.worker()
    const ids = await scene.enqueueMany(8, { payload: 'y'.repeat(MIB - 1_024) })
    const claims = await worker.claim(8)
    equal(idsOf(claims), ids)
    const { verdicts } = await worker.exchange({
      settlements: claims.map((claim) => worker.settlement(claim, succeed(claim.payload))),
    })
    equal(new Set(verdicts).size, 1, 'the verdicts')
    await scene.seeAll(ids, 'succeeded')
  },

  'the version of an input comes back, and what it needs is needed': async (scene) => {
    const worker = await scene.worker()
    const retry = { kind: 'fixed', attempts: 2, baseMs: 1 } as const
    const [old, one, two] = [undefined, 1, 2].map((version) =>
      scene.spec(
        version === undefined
          ? { policy: { retry } }
          : { policy: { retry, version }, needs: [`work@${version}`] },
      ),
    )
    await scene.add(old!, one!, two!)
    const claimed = await worker.claim(3, { offers: ['work@1'] })
    equal(new Set(idsOf(claimed)), new Set([old!.id, one!.id]))
    for (const { id, policy } of claimed) equal(policy, (id === old!.id ? old! : one!).policy, 'the policy')
    await scene.see(two!.id, { policy: two!.policy, needs: ['work@2'] })
    equal(idsOf(await worker.claim(3, { offers: ['work@1', 'work@2'] })), [two!.id])
  },

  'numbers are kept up to their bounds': async (scene) => {
    const longest = 2 ** 46
    const policy = { retry: { kind: 'delays', delaysMs: [0, longest, 1] } } as const
    const spec = scene.spec({
      timeoutMs: longest,
      startByMs: longest,
      deadlineMs: longest,
      policy,
      due: { inMs: 0 },
    })
    await scene.add(spec)
    const { enqueuedAt } = await scene.look(spec.id)
    await scene.see(spec.id, {
      timeoutMs: longest,
      startBy: enqueuedAt + longest,
      deadlineAt: enqueuedAt + longest,
      policy,
    })
    const worker = await scene.worker({ ttlMs: longest })
    const claim = await worker.claimOne()
    equal([claim.timeoutMs, claim.deadlineAt], [longest, enqueuedAt + longest])
    await worker.end(claim, retry(longest))
    equal((await scene.look(spec.id)).runAt > longest + SECOND, true, 'a due time far ahead')
  },
})

export const payloadCases: readonly ConformanceCase[] = [...identical, ...texts]
