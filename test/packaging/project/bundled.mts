import * as millrace from 'millrace'
import { play } from './play.mts'

const [store = ''] = process.argv.slice(2)
const played = await play(millrace, store, new URL('./handlers.js', import.meta.url))
console.log(JSON.stringify(played))
