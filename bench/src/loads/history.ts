/** Tasks that have succeeded over the last day, written by Postgres itself: as the store writes them, without their lives. */
import { Client } from 'pg'

const CHUNK = 1_000_000

/** One of the eight slots of succeeded tasks takes so long. */
const SLOT_MS = 4 * 3_600_000
const DAY_MS = 24 * 3_600_000

/** Ids grow with time, as those of clients do. */
const ROWS = `
insert into millrace.final(id, seq, run_at, enqueued_at, claimed_at, nonce, queue, route, terms, epoch, session, settled, size,
  state, level, flags, digest, finished_at, bytes, slot)
select ('019abc' || lpad(to_hex(n >> 24), 2, '0') || '-' || lpad(to_hex((n >> 8) & 65535), 4, '0') || '-7' || lpad(to_hex((n & 255) * 16), 3, '0')
    || '-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
  -n, at, at, at, n, (select min(key) from millrace.queues), (select min(key) from millrace.routes), (select min(key) from millrace.terms),
  1, 1, 1, 0, 4, 2, 0, lpad(to_hex(n), 16, '0'), at, 200, (at / ${SLOT_MS}) % 8
from (select n, (extract(epoch from now()) * 1000)::bigint - ${DAY_MS} + $3::bigint * n / $4::bigint as at
  from generate_series($1::bigint, $2::bigint) as n) as t`

const VOLUME = `insert into millrace.volumes(queue, state, tasks, bytes) select min(key), 4, $1::bigint, 200 * $1::bigint from millrace.queues`

export async function writeHistory(url: string, count: number): Promise<void> {
  const client = new Client(url)
  await client.connect()
  for (let from = 1; from <= count; from += CHUNK) {
    await client.query(ROWS, [from, Math.min(from + CHUNK - 1, count), DAY_MS, count])
  }
  await client.query(VOLUME, [count])
  await client.end()
}
