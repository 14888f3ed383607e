// Counts vitest's JSON report.

/** @typedef {{ status: string }} Result */
/** @typedef {{ testResults: readonly { status: string, assertionResults: readonly Result[] }[] }} Report */
/** @typedef {{ readonly passed: number, readonly failed: number, readonly skipped: number }} Counts */

/** @returns {Counts} */
export function countTests(/** @type {Report | undefined} */ report) {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const file of report?.testResults ?? []) {
    const failedBefore = counts.failed
    for (const { status } of file.assertionResults) {
      counts[status === 'passed' || status === 'failed' ? status : 'skipped']++
    }
    // A file that does not load, or whose hooks fail, has no failed test and is a failure all the same.
    if (file.status === 'failed' && counts.failed === failedBefore) counts.failed++
  }
  return counts
}

/** The last one is the count that CI reads, and nothing else stands on it. */
export function summaryLines(/** @type {Counts} */ { passed, failed, skipped }) {
  return [...(skipped > 0 ? [`${skipped} skipped`] : []), `${passed} passed, ${failed} failed`]
}
