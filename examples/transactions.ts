/** Orders in a SQLite file: each and its task commit together. `npm i millrace && node transactions.ts` */
import { DatabaseSync } from 'node:sqlite'
import { connect, defineTask, unchecked } from 'millrace'
import { sqlite, type SqliteTransaction } from 'millrace/sqlite'

const db = new DatabaseSync('shop.db')
const mill = await connect(sqlite(db)) // makes Millrace's tables in the file; yours go beside them
db.exec('CREATE TABLE IF NOT EXISTS orders(id INTEGER PRIMARY KEY, state TEXT NOT NULL)')

const ship = defineTask('ship', { input: unchecked<{ order: number }>(), output: unchecked<string>() })

/** The order and its task are there together, or neither is. Nothing in it is awaited: all of it happens at once. */
function place(): string {
  db.exec('BEGIN IMMEDIATE')
  try {
    const { lastInsertRowid } = db.prepare("INSERT INTO orders(state) VALUES ('placed')").run()
    const { id } = mill.within(db).enqueue(ship, { order: Number(lastInsertRowid) })
    db.exec('COMMIT')
    return id
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

/** What it writes and the outcome of its task commit together, too. The work is a synchronous function. */
const shipping = ship.handler<SqliteTransaction>(({ order }, ctx) =>
  ctx.transaction((tx) => {
    tx.prepare("UPDATE orders SET state = 'shipped' WHERE id = ?").run(order)
    return `order ${order} is on its way`
  }),
)

const worker = mill.worker({ handlers: shipping })
await worker.start()
const task = place()
console.log(await mill.handle(ship, task).result({ within: '10s' })) // order 1 is on its way
await mill.close()
db.close()
