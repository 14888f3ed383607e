/** Preloaded into a child that is to be broken in one way, as MILLRACE_PLANT names it: what is shipped has no such switch. */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

/** @type {Readonly<Record<string, readonly [module: RegExp, what: RegExp, becomes: string]>>} */
const PLANTS = {
  'beats on the main thread alone': [
    /\/heart\/heartbeat\.js$/,
    /expectWork\(\) \{/,
    'expectWork() { return;',
  ],
  'beats for a thread that is silent': [/\/heart\/heart\.js$/, /if \(isSilent\)\s+return;/, ''],
  'hears nothing until the thread is free': [/\/heart\/heartbeat\.js$/, /this\.#far\?\.hear\(\);/, ''],
  'does not look at its lease': [/\/worker\/context\.js$/, /throwIfLost\(\) \{/, 'throwIfLost() { return;'],
  'does not miss its heart': [/\/heart\/heartbeat\.js$/, /this\.#listeners\.died\(/, 'void ('],
}

const [module, what, becomes] = /** @type {[RegExp, RegExp, string]} */ (
  PLANTS[process.env['MILLRACE_PLANT'] ?? '']
)

registerHooks({
  load(url, context, nextLoad) {
    if (!module.test(url)) return nextLoad(url, context)
    const source = readFileSync(fileURLToPath(url), 'utf8')
    if (!what.test(source)) throw new Error(`There is nothing to break in ${url}: the plant is out of date.`)
    return { format: 'module', source: source.replace(what, becomes), shortCircuit: true }
  },
})
