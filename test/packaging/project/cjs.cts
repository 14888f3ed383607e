import type * as Millrace from 'millrace'
import type * as Play from './play.mts'

const millrace = require('millrace') as typeof Millrace
const { play } = require('./play.mts') as typeof Play

const stores = process.argv.slice(2)
Promise.all(stores.map((store) => play(millrace, store))).then(
  (played) => console.log(JSON.stringify(played)),
  (error: unknown) => {
    console.error(error)
    process.exitCode = 1
  },
)
