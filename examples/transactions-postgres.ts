/** Orders in Postgres: each and its task commit together. `npm i millrace pg && DATABASE_URL=postgres://… node transactions-postgres.ts` */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { connect, defineTask, unchecked } from 'millrace'
import { postgres, type PgTransaction } from 'millrace/postgres'

const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 13 })
const mill = await connect(postgres(pool))
await pool.query('CREATE TABLE IF NOT EXISTS orders(id uuid PRIMARY KEY, state text NOT NULL)')

const ship = defineTask('ship', { input: unchecked<{ order: string }>(), output: unchecked<string>() })

/** The order and its task are there together, or neither is. */
async function place(order: string): Promise<string> {
  const tx = await pool.connect()
  try {
    await tx.query('BEGIN')
    await tx.query("INSERT INTO orders VALUES ($1, 'placed')", [order])
    const { id } = await mill.within(tx).enqueue(ship, { order })
    await tx.query('COMMIT')
    return id
  } catch (error) {
    await tx.query('ROLLBACK')
    throw error
  } finally {
    tx.release()
  }
}

/** What it writes and the outcome of its task commit together, too. */
const shipping = ship.handler<PgTransaction>(({ order }, ctx) =>
  ctx.transaction(async (tx) => {
    await tx.query("UPDATE orders SET state = 'shipped' WHERE id = $1", [order])
    return 'on its way'
  }),
)

const worker = mill.worker({ handlers: shipping })
await worker.start()
const order = randomUUID()
const task = await place(order)
console.log(await mill.handle(ship, task).result({ within: '10s' })) // on its way
console.log((await pool.query('SELECT state FROM orders WHERE id = $1', [order])).rows) // [ { state: 'shipped' } ]
await mill.close()
await pool.end()
