/** Metrics for Prometheus, of a process that enqueues tasks or runs them: `millrace/prometheus`. */
export { prometheus } from './worker-metrics.ts'
export type { PrometheusOptions, PrometheusPlugin } from './worker-metrics.ts'
export type { Scrape } from './exposition.ts'
