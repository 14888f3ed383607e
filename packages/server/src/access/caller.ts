/** Who calls, and what they may do. */
import { AccessError } from '@millrace/core'
import { permits, type Permission, type Role } from './roles.ts'
import type { QueuePattern } from './queue-pattern.ts'

/** A role, and the queues for which it is given. */
export interface Grant {
  readonly role: Role
  readonly queues: readonly QueuePattern[]
}

/** Whom a credential stands for. */
export interface Identity {
  /** Names the credential, in logs and in the audit: `key:ci`, `jwt:ada`, `certificate:build-7`. */
  readonly name: string
  readonly grants: readonly Grant[]
}

/** Tells who calls from what came with the call. */
export interface Authenticator {
  /** @throws AccessError `unauthenticated` */
  authenticate(credentials: Credentials): Promise<Identity>
}

/** What came with a call that may tell who makes it. */
export interface Credentials {
  /** The header of that name. */
  readonly authorization: string | null
  /** The subject of the client's certificate, which TLS has checked. */
  readonly certificate: CertificateSubject | null
  /** Where the call comes from, by whose failed attempts others from there wait. Left out: it is not known. */
  readonly address?: string | null | undefined
}

/** Of a client's certificate: its common name, and the DNS and URI names beside it. */
export interface CertificateSubject {
  readonly commonName: string | null
  readonly names: readonly string[]
}

/** The questions that every call asks before it does anything. */
export class Caller {
  readonly name: string
  readonly #grants: readonly Grant[]

  constructor({ name, grants }: Identity) {
    this.name = name
    this.#grants = grants
  }

  /** Whether it may in this queue. */
  may(permission: Permission, queue: string): boolean {
    return this.#allows(permission, ({ queues }) => queues.some((pattern) => pattern.matches(queue)))
  }

  /** Whether it may in all queues that there may be: so it is with what belongs to none. */
  mayEverywhere(permission: Permission): boolean {
    return this.#allows(permission, ({ queues }) => queues.some(({ isEverything }) => isEverything))
  }

  /** Whether it may in any queue: then a call goes on, and answers what it may see. */
  mayAnywhere(permission: Permission): boolean {
    return this.#allows(permission, ({ queues }) => queues.length > 0)
  }

  /** The queue in which it may, where its grants name one and no pattern of several. */
  onlyQueue(permission: Permission): string | undefined {
    const grants = this.#grants.filter(({ role }) => permits(role, permission))
    const names = new Set(grants.flatMap(({ queues }) => queues.map(({ text }) => text)))
    const [name] = names
    return names.size === 1 && name?.includes('*') === false ? name : undefined
  }

  /** @throws AccessError `forbidden` */
  require(permission: Permission, queue: string): void {
    if (!this.may(permission, queue)) throw forbidden(permission, `the queue ${queue}`)
  }

  /** @throws AccessError `forbidden` */
  requireEverywhere(permission: Permission): void {
    if (!this.mayEverywhere(permission)) throw forbidden(permission, 'all queues')
  }

  /** @throws AccessError `forbidden` */
  requireAnywhere(permission: Permission): void {
    if (!this.mayAnywhere(permission)) throw forbidden(permission, 'any queue')
  }

  /** The same caller, but for what it may by roles that do not include this permission. */
  narrowedTo(permission: Permission): Caller {
    const grants = this.#grants.filter(({ role }) => permits(role, permission))
    return new Caller({ name: this.name, grants })
  }

  #allows(permission: Permission, covers: (grant: Grant) => boolean): boolean {
    return this.#grants.some((grant) => permits(grant.role, permission) && covers(grant))
  }
}

function forbidden(permission: Permission, where: string): AccessError {
  return new AccessError('forbidden', `This credential has no role that may ${permission} in ${where}.`, {
    hint: 'Use another one, or have its roles and queues changed.',
  })
}
