/** Which files of tests come first: those that take longest, so that at the end no processor waits for the other. */
import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** In a fresh clone nobody knows how long a file takes, and its length says little. */
const LONGEST_FIRST: readonly string[] = [
  'packages/server/test/conformance-postgres.test.ts',
  'packages/server/test/conformance-sqlite.test.ts',
  'packages/postgres/test/conformance.test.ts',
  'packages/sqlite/test/conformance.test.ts',
  'bench/test/harness.test.ts',
  'test/faults/processes.test.ts',
  'packages/redis/test/clients.test.ts',
  'test/faults/broken-stores.test.ts',
  'test/faults/network.test.ts',
  'packages/core/test/worker/isolates.test.ts',
  'bench/test/crowd-kills.test.ts',
  'test/faults/poison.test.ts',
  'packages/postgres/test/model.test.ts',
  'test/faults/files-and-time.test.ts',
  'packages/redis/test/cluster.test.ts',
  'packages/postgres/test/pooled.test.ts',
  'test/faults/blocked.test.ts',
  'packages/sqlite/test/model.test.ts',
  'packages/postgres/test/newer-schema.test.ts',
  'packages/postgres/test/rights.test.ts',
  'test/faults/outages.test.ts',
  'packages/postgres/test/audit.test.ts',
  'packages/core/test/simulation/planted.test.ts',
  'packages/millrace/test/cli.test.ts',
  'examples/test/demo.test.ts',
  'packages/postgres/test/open-transactions.test.ts',
  'packages/millrace/test/cli-doctor.test.ts',
  'packages/sqlite/test/newer-schema.test.ts',
  'packages/redis/test/conformance.test.ts',
  'examples/test/own-store.test.ts',
  'packages/postgres/test/faults.test.ts',
  'packages/redis/test/audit.test.ts',
  'packages/millrace/test/cli-worker.test.ts',
  'packages/core/test/simulation/seeds.test.ts',
  'bench/test/transactions.test.ts',
  'packages/postgres/test/ring.test.ts',
  'packages/redis/test/model.test.ts',
  'packages/postgres/test/flows.test.ts',
  'bench/test/server-kills.test.ts',
  'packages/core/test/store/model.test.ts',
]

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const found = LONGEST_FIRST.indexOf(relative(this.ctx.config.root, moduleId))
      return found < 0 ? LONGEST_FIRST.length : found
    }
    const sorted = await super.sort(files)
    return sorted.toSorted((one, other) => rank(one) - rank(other))
  }
}
