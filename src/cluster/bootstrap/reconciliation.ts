/**
 * What a start does to bootstrap objects that are there already. RBAC objects
 * get back what is missing and keep what was added, flow control's specs follow
 * the running version, both unless they are annotated otherwise; the API
 * server's own service, endpoints and ConfigMap say where and who it is now.
 */
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../api/object.ts';
import type { ClusterRole, PolicyRule, RoleBinding, Subject } from '../../api/types/rbac-v1.ts';
import { uncoveredRules } from '../../server/access/policy-rules.ts';
import { clusterInfo } from '../../api/bootstrap-tokens.ts';
import { autoUpdateSpecAnnotation } from './flow-control.ts';
import { autoUpdateAnnotation } from './rbac-policy.ts';

export type Reconciliation =
  | { readonly action: 'none' }
  | { readonly action: 'update'; readonly object: KubeObject }
  /** What it refers to cannot be changed: delete it and create it anew. */
  | { readonly action: 'recreate' };

const none: Reconciliation = { action: 'none' };

export function reconcile(resource: string, existing: KubeObject, wanted: KubeObject): Reconciliation {
  switch (resource) {
    case 'clusterroles':
    case 'roles':
      return reconcileRole(existing, wanted);
    case 'clusterrolebindings':
    case 'rolebindings':
      return reconcileBinding(existing, wanted);
    case 'prioritylevelconfigurations':
    case 'flowschemas':
      return existing.metadata.annotations?.[autoUpdateSpecAnnotation] === 'true'
        ? replaceFields(existing, wanted, ['spec'])
        : none;
    case 'configmaps':
      if (wanted.metadata.name === clusterInfo.name) return addFields(existing, wanted, 'data');
      return wanted.metadata.name === 'extension-apiserver-authentication'
        ? replaceFields(existing, wanted, ['data'])
        : none;
    case 'services':
      return reconcileService(existing, wanted);
    case 'endpoints':
      return replaceFields(existing, wanted, ['subsets']);
    case 'endpointslices':
      return replaceFields(existing, wanted, ['endpoints', 'ports']);
    default:
      return none;
  }
}

function changed(existing: KubeObject, object: KubeObject): Reconciliation {
  return isDeepStrictEqual(existing, object) ? none : { action: 'update', object };
}

function replaceFields(existing: KubeObject, wanted: KubeObject, fields: readonly string[]): Reconciliation {
  const object = { ...existing };
  for (const field of fields) object[field] = wanted[field];
  return changed(existing, object);
}

/** Of a map: others keep entries of their own in it. */
function addFields(existing: KubeObject, wanted: KubeObject, field: string): Reconciliation {
  return changed(existing, { ...existing, [field]: { ...(existing[field] as object), ...(wanted[field] as object) } });
}

function reconcileService(existing: KubeObject, wanted: KubeObject): Reconciliation {
  const { ports } = wanted['spec'] as { ports: unknown };
  return changed(existing, { ...existing, spec: { ...(existing['spec'] as object), ports } });
}

/** What was there wins, but for what is missing. */
function withDefaults(existing: KubeObject, wanted: KubeObject): KubeObject {
  const labels = { ...wanted.metadata.labels, ...existing.metadata.labels };
  const annotations = { ...wanted.metadata.annotations, ...existing.metadata.annotations };
  return { ...existing, metadata: { ...existing.metadata, labels, annotations } };
}

function isProtected({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[autoUpdateAnnotation] === 'false';
}

function reconcileRole(existing: KubeObject, wanted: KubeObject): Reconciliation {
  if (isProtected(existing)) return none;
  const object = withDefaults(existing, wanted);
  const wantedRole = wanted as unknown as ClusterRole;
  const rules = (existing['rules'] as PolicyRule[] | undefined) ?? [];
  const missing = uncoveredRules(rules, wantedRole.rules ?? []);
  if (missing.length > 0) object['rules'] = [...rules, ...missing];
  const selectors = (existing as unknown as ClusterRole).aggregationRule?.clusterRoleSelectors ?? [];
  if (!wantedRole.aggregationRule) delete object['aggregationRule'];
  else {
    const more = (wantedRole.aggregationRule.clusterRoleSelectors ?? []).filter(
      (selector) => !selectors.some((known) => isDeepStrictEqual(known, selector)),
    );
    if (more.length > 0) object['aggregationRule'] = { clusterRoleSelectors: [...selectors, ...more] };
  }
  return changed(existing, object);
}

function isSameSubject(a: Subject, b: Subject): boolean {
  return (
    a.kind === b.kind &&
    a.name === b.name &&
    (a.namespace ?? '') === (b.namespace ?? '') &&
    (a.apiGroup ?? '') === (b.apiGroup ?? '')
  );
}

function reconcileBinding(existing: KubeObject, wanted: KubeObject): Reconciliation {
  if (isProtected(existing)) return none;
  const { roleRef, subjects = [] } = wanted as unknown as RoleBinding;
  const present = existing as unknown as RoleBinding;
  if (present.roleRef.kind !== roleRef.kind || present.roleRef.name !== roleRef.name)
    return { action: 'recreate' };
  const object = withDefaults(existing, wanted);
  const known = present.subjects ?? [];
  const missing = subjects.filter((subject) => !known.some((candidate) => isSameSubject(candidate, subject)));
  if (missing.length > 0) object['subjects'] = [...known, ...missing];
  return changed(existing, object);
}
