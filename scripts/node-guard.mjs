// Ends the process when Node is too old. Plain JavaScript without new syntax: it has to run on the Node that it refuses.
import process from 'node:process'

export const NODE_MAJOR_MIN = 24

if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  process.stderr.write(
    `Millrace needs Node ${NODE_MAJOR_MIN} or newer, and this is Node ${process.versions.node} (${process.execPath}).\n`,
  )
  process.exit(1)
}
