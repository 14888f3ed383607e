/**
 * Objects from what was read of their fields. Of tasks and claims there are hundreds in one message: written out, an
 * object of theirs is made at once, and all are of one form, which everybody who touches them is faster for.
 */

/** Values of fields, in the order of their numbers. */
type Values = readonly unknown[]

type Maker = (values: Values) => Record<string, unknown>

const WRITTEN_OUT: Readonly<Record<string, Maker>> = {
  'millrace.v1.TaskSpec': (values) => ({
    id: values[0],
    idMadeBy: values[1],
    digest: values[2],
    type: values[3],
    needs: values[4],
    queue: values[5],
    level: values[6],
    lane: values[7],
    dueByMs: values[8],
    due: values[9],
    held: values[10],
    payload: values[11],
    policy: values[12],
    timeoutMs: values[13],
    startByMs: values[14],
    deadlineMs: values[15],
    after: values[16],
    unique: values[17],
    tags: values[18],
    metadata: values[19],
    headers: values[20],
  }),
  'millrace.v1.Claim': (values) => ({
    id: values[0],
    epoch: values[1],
    nonce: values[2],
    type: values[3],
    queue: values[4],
    partition: values[5],
    level: values[6],
    payload: values[7],
    policy: values[8],
    counters: values[9],
    enqueuedAt: values[10],
    runAt: values[11],
    claimedAt: values[12],
    timeoutMs: values[13],
    deadlineAt: values[14],
    after: values[15],
    tags: values[16],
    metadata: values[17],
    headers: values[18],
    checkpoint: values[19],
  }),
}

/** @param names of the members, in the order of their fields */
export function makerOf(message: string, names: readonly string[]): Maker {
  const known = WRITTEN_OUT[message]
  if (known === undefined) return (values) => generic(names, values)
  const members = Object.entries(known(names))
  if (members.length === names.length && members.every(([name, value]) => name === value)) return known
  throw new TypeError(`${message} has other fields than what is written out for it`)
}

function generic(names: readonly string[], values: Values): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (let index = 0; index < names.length; index++)
    if (values[index] !== undefined) object[names[index]!] = values[index]
  return object
}
