import * as millrace from 'millrace'
import { play } from './play.mts'

const stores = process.argv.slice(2)
console.log(JSON.stringify(await Promise.all(stores.map((store) => play(millrace, store)))))
