/**
 * The whole proof: every zone of the runtime, every change of its clock from 2005 to 2037, every expression, every choice.
 *
 *   npm exec -c 'node -C @millrace/source packages/core/test/policy/schedules/prove.ts'
 *
 * Two years, the first and the last, prove a part of it.
 */
import { EXPRESSIONS } from './expressions.ts'
import { CHOICES, compare, forgetAnswers, provedChanges, windowAround, type Tally } from './proof.ts'

const begun = performance.now()
const [first = 2005, last = 2037] = process.argv.slice(2).map(Number)
const zones = Intl.supportedValuesOf('timeZone')
const tally: Tally = { comparisons: 0, fires: 0 }
const changes = zones
  .flatMap((zone) => provedChanges(zone).map((change) => ({ zone, change })))
  .filter(({ change }) => change >= Date.UTC(first, 0, 1) && change < Date.UTC(last + 1, 0, 1))
  // zones that change their clocks at one moment come together, and are worked out together
  .toSorted((one, other) => one.change - other.change)
for (const [index, { zone, change }] of changes.entries()) {
  if (change !== changes[index - 1]?.change) forgetAnswers()
  compare({ zone, window: windowAround(zone, change), choices: CHOICES }, tally)
  if (index % 1_000 === 999) console.error(`${index + 1} of ${changes.length} changes, ${seconds()} s`)
}
console.log(
  `${zones.length} zones, ${new Set(changes.map(({ zone }) => zone)).size} of them with ${changes.length} changes from ` +
    `${first} to ${last}, ${EXPRESSIONS.length} expressions, ${CHOICES.length} choices: ${tally.comparisons} comparisons, ` +
    `${tally.fires} fires, 0 differ (${seconds()} s)`,
)

function seconds(): string {
  return ((performance.now() - begun) / 1_000).toFixed(0)
}
