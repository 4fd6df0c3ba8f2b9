/**
 * What is particular to one resource on its way into the store. Everything that
 * is the same for all is in the registry; a resource without a strategy gets
 * `defaultStrategy` (spec by clients, status by the status subresource,
 * generation raised when anything but metadata and status changed).
 */
import type { KubeObject } from '../../api/object.ts';
import type { FieldError } from '../../api/errors.ts';
import type { UserInfo } from '../../base/exchange.ts';

export interface StrategyContext {
  readonly user: UserInfo;
  readonly namespace: string;
  readonly dryRun: boolean;
  /** Epoch milliseconds of the request. */
  readonly now: number;
  warn(message: string): void;
}

export interface Strategy {
  /** Clears what a client may not set on create (status, mostly) and fills what the server sets. */
  prepareForCreate?(object: KubeObject, context: StrategyContext): void;
  /** Puts back what this (sub)resource may not change. `subresource` is '' for the resource itself. */
  prepareForUpdate?(object: KubeObject, old: KubeObject, subresource: string, context: StrategyContext): void;
  /** False: PUT to a missing name answers 404 (the rule). True: it creates (Lease, for one). */
  readonly allowCreateOnUpdate?: boolean;
  /** True: a PUT without resourceVersion overwrites whatever is there. Upstream: true for most. */
  readonly allowUnconditionalUpdate?: boolean;
  /** The grace a delete gets: seconds, or undefined for immediate deletion. Pods and nodes-to-be differ. */
  gracePeriodSeconds?(object: KubeObject, asked: number | undefined): number | undefined;
  /** Warnings for the client. */
  warnings?(object: KubeObject, old: KubeObject | undefined): string[];
  /** After validation, before the commit: allocations that must be undone if the commit fails (cluster IPs, node ports). Returns the undo. */
  allocate?(object: KubeObject, old: KubeObject | undefined, context: StrategyContext): Promise<() => void> | (() => void);
  /** Reasons beside finalizers to stay when deleted (a namespace that is not empty yet). */
  holds?(object: KubeObject): boolean;
  /** What else the object shows from the moment its deletion begins. Changes it. */
  markDeleting?(object: KubeObject): void;
  /** After the object is really gone. */
  release?(object: KubeObject): void;
  /** metadata.name rules other than DNS subdomain (path segment names of RBAC, DNS labels of services ...). */
  validateName?(name: string, prefix: boolean): FieldError[] | string[];
  /** The propagationPolicy when none is asked: Background unless set. */
  readonly defaultPropagation?: 'Orphan' | 'Background';
  /** Objects vanish so long after their last write (events). */
  readonly timeToLiveSeconds?: number;
  /** True: the answer to a DELETE that removed the object is the object; else a Status. */
  readonly returnsDeletedObject?: boolean;
}
