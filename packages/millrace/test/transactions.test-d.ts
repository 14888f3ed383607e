// Which store gives which client, and what its handlers may ask of it: with the types of the real libraries.
import Better from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/node-postgres'
import type { Knex } from 'knex'
import type { Kysely, Transaction } from 'kysely'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { expectTypeOf } from 'vitest'
import {
  connect,
  createMill,
  defineTask,
  unchecked,
  type EnqueuedHandle,
  type Mill,
  type TransactionalMill,
} from '../src/index.ts'
import { postgres, type PgTransaction } from '../src/postgres.ts'
import { sqlite, type SqliteTransaction, type Synchronous } from '../src/sqlite.ts'

const pool = new pg.Pool()
const db = new DatabaseSync(':memory:')
const add = defineTask('add', { input: unchecked<number>(), output: unchecked<number>() })
declare const trx: Transaction<{ table: { id: string } }>
declare const kysely: Kysely<unknown>
declare const knexTrx: Knex.Transaction
declare const client: pg.PoolClient

const onPostgres = await connect(postgres(pool), { namespace: 'app' })
expectTypeOf(onPostgres).toEqualTypeOf<TransactionalMill<PgTransaction>>()
expectTypeOf(createMill(postgres({ url: 'postgres://localhost' }))).toEqualTypeOf<
  TransactionalMill<PgTransaction>
>()
expectTypeOf(connect('postgres://localhost')).toEqualTypeOf<Promise<Mill>>()
expectTypeOf(connect()).toEqualTypeOf<Promise<Mill>>()

// ---- transactions of libraries

expectTypeOf(onPostgres.within(client).enqueue(add, 1)).toEqualTypeOf<Promise<EnqueuedHandle<typeof add>>>()
void onPostgres.within(trx).enqueue(add, 1)
void onPostgres.within(knexTrx).enqueue(add, 1)
void drizzle(pool).transaction(async (tx) => void (await onPostgres.within(tx).enqueue(add, 1)))
// @ts-expect-error this is no transaction, only the library
onPostgres.within(kysely)
// @ts-expect-error nor is a connection of SQLite one
onPostgres.within(db)
// @ts-expect-error a URL gives a client without transactions
void (await connect('postgres://localhost')).within

// ---- handlers

const handler = add.handler<PgTransaction>((n, ctx) =>
  ctx.transaction(async (tx) => {
    const { rows } = await tx.query('SELECT $1::integer AS n', [n])
    return Number(rows[0]?.['n'])
  }),
)
const typed = add.handler<pg.PoolClient>((n, ctx) =>
  ctx.transaction(async (tx) => (await tx.query<{ n: number }>('SELECT 1 AS n', [n])).rows[0]?.n ?? 0),
)
onPostgres.worker({ handlers: handler })
createMill(postgres<pg.PoolClient>(pool)).worker({ handlers: [handler, typed] })
// @ts-expect-error this client's transactions are less than what the handler needs
onPostgres.worker({ handlers: typed })
// @ts-expect-error a store without transactions cannot run it
createMill('memory:').worker({ handlers: handler })
// @ts-expect-error not even if its URL is one of Postgres: connect(postgres({ url })) says that transactions are wanted
createMill('postgres://localhost').worker({ handlers: handler })

// ---- SQLite

const onSqlite = createMill(sqlite(db))
const inSqlite = add.handler<SqliteTransaction>((n, ctx) =>
  ctx.transaction((tx) => {
    tx.prepare('INSERT INTO numbers VALUES (?)').run(n)
    return n
  }),
)
const inNode = add.handler<Synchronous<DatabaseSync>>((n, ctx) => ctx.transaction((tx) => (tx.exec(''), n)))
onSqlite.worker({ handlers: [inSqlite, inNode] })
createMill(sqlite(new Better('x.db'))).worker({ handlers: inSqlite })
expectTypeOf(onSqlite.within(db).enqueue(add, 1)).toEqualTypeOf<EnqueuedHandle<typeof add>>()
// @ts-expect-error these are transactions of Postgres
onSqlite.worker({ handlers: handler })
// @ts-expect-error these are of SQLite
onPostgres.worker({ handlers: inSqlite })
// @ts-expect-error a pool is no connection of SQLite
createMill(sqlite(pool))
// @ts-expect-error a connection of SQLite is no pool
createMill(postgres(db))
