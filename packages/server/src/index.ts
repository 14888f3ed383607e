/** The server of Millrace: any store behind REST and gRPC. */
export type { Audit, AuditEntry } from './audit/audit.ts'
export type { Redact, ShownPlace } from './service/redaction.ts'
export type { Role } from './access/roles.ts'
