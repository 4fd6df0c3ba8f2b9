/** rbac.authorization.k8s.io/v1: the groups that users mean but do not write. */
import type { ClusterRole, Role, RoleBinding } from '../types/rbac-v1.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

const rbacGroup = 'rbac.authorization.k8s.io';

function defaultBinding({ roleRef, subjects }: RoleBinding): void {
  if (roleRef) roleRef.apiGroup ||= rbacGroup;
  for (const subject of subjects ?? [])
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= rbacGroup;
}

/** Not optional on the wire: a role without rules says so. */
function defaultRole(role: Role | ClusterRole): void {
  role.rules ??= null as unknown as [];
}

export const defaulters: Defaulters = {
  'rbac.authorization.k8s.io/v1/Role': defaulter<Role>(defaultRole),
  'rbac.authorization.k8s.io/v1/ClusterRole': defaulter<ClusterRole>(defaultRole),
  'rbac.authorization.k8s.io/v1/RoleBinding': defaulter<RoleBinding>(defaultBinding),
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': defaulter<RoleBinding>(defaultBinding),
};
