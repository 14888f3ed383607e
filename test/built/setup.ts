/** Builds once before the tests: the processes and threads that they start run what was built. */
import { execFileSync } from 'node:child_process'

export function setup(): void {
  execFileSync('tsc', ['-b', 'tsconfig.build.json'], { stdio: 'inherit' })
}
