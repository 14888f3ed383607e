/** A past that took no time: partitions of finished tasks. */
import { sql } from './home.ts'

export const HOUR = 3_600_000
/** Of each partition, about 11 MiB. */
export const TASKS = 5_500

/** Succeeded tasks of the queue a: six partitions that were filled for four hours each, the first one from 40 hours ago. */
export async function fillRing(schema: string, now: number): Promise<void> {
  const script = `
    INSERT INTO home.final(id, seq, run_at, enqueued_at, claimed_at, nonce, queue, route, terms, epoch, session, settled, size, state, level, flags,
      digest, finished_at, result, bytes, slot)
    SELECT gen_random_uuid(), n, t, t, t, n, (SELECT key FROM home.queues WHERE name = 'a'), 1, 1, 1, 1, 1, 0, 4, 2, 0, 'digest', t,
      repeat(md5(n::text), 53), 1896, (n - 1) / ${TASKS}
    FROM (SELECT n, ${now} - ${40 * HOUR} + (n::bigint - 1) * ${4 * HOUR} / ${TASKS} AS t FROM generate_series(1, ${6 * TASKS}) AS n) AS x;
    INSERT INTO home.volumes SELECT key, 4, ${6 * TASKS}, ${6 * TASKS} * 1896 FROM home.queues WHERE name = 'a';
    UPDATE home.clock SET slot = 6, slot_at = ${now - 16 * HOUR}`
  await sql(script.replaceAll('home.', `${schema}.`))
}
