/** What a process enqueues and what its workers do, for Prometheus: `millrace/prometheus`. */
export { prometheus } from '@millrace/server/metrics'
export type { PrometheusOptions, PrometheusPlugin, Scrape } from '@millrace/server/metrics'
