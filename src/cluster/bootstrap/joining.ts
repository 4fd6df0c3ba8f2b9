/**
 * What a cluster needs so that machines can join it with a bootstrap token and
 * then run all parts of a node under the node's own name. Roles, groups and
 * names are those that kubeadm makes, but for `coxswain:node-network`: a node's
 * proxy and routes have no identity of their own here, so nodes may see what
 * upstream lets kube-proxy and a network plugin see.
 */
import { clusterInfo } from '../../api/bootstrap-tokens.ts';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding, Subject } from '../../api/types/rbac-v1.ts';
import { parseRule, recordEvents } from './policy-notation.ts';
import { metadata } from './rbac-policy.ts';

/** Of tokens that are made to let nodes join. */
export const nodeTokenGroup = 'system:bootstrappers:kubeadm:default-node-token';

const rbacGroup = 'rbac.authorization.k8s.io';
const rbacVersion = `${rbacGroup}/v1`;
const nodeNetworkRole = 'coxswain:node-network';
const getNodesRole = 'kubeadm:get-nodes';
const clusterInfoRole = 'kubeadm:bootstrap-signer-clusterinfo';

function group(name: string): Subject {
  return { kind: 'Group', apiGroup: rbacGroup, name };
}

export function joiningClusterRoles(): ClusterRole[] {
  const role = (name: string, rules: readonly string[]): ClusterRole => ({ apiVersion: rbacVersion, kind: 'ClusterRole', metadata: metadata(name), rules: rules.map(parseRule) });
  return [
    role(nodeNetworkRole, [
      'read core namespaces,nodes,pods,services',
      'read discovery.k8s.io endpointslices',
      'read networking.k8s.io networkpolicies,servicecidrs',
      recordEvents,
    ]),
    role(getNodesRole, ['get core nodes']),
  ];
}

export function joiningClusterRoleBindings(): ClusterRoleBinding[] {
  const bind = (name: string, role: string, to: string): ClusterRoleBinding => ({
    apiVersion: rbacVersion,
    kind: 'ClusterRoleBinding',
    metadata: metadata(name),
    roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name: role },
    subjects: [group(to)],
  });
  const requests = 'system:certificates.k8s.io:certificatesigningrequests';
  return [
    bind(nodeNetworkRole, nodeNetworkRole, 'system:nodes'),
    bind(getNodesRole, getNodesRole, nodeTokenGroup),
    bind('kubeadm:kubelet-bootstrap', 'system:node-bootstrapper', nodeTokenGroup),
    bind('kubeadm:node-autoapprove-bootstrap', `${requests}:nodeclient`, nodeTokenGroup),
    bind('kubeadm:node-autoapprove-certificate-rotation', `${requests}:selfnodeclient`, 'system:nodes'),
  ];
}

/** Whoever wants to join has no name yet. */
export function joiningRole(): Role {
  return { apiVersion: rbacVersion, kind: 'Role', metadata: metadata(clusterInfoRole, clusterInfo.namespace), rules: [parseRule(`get core configmaps ${clusterInfo.name}`)] };
}

export function joiningRoleBinding(): RoleBinding {
  return {
    apiVersion: rbacVersion,
    kind: 'RoleBinding',
    metadata: metadata(clusterInfoRole, clusterInfo.namespace),
    roleRef: { apiGroup: rbacGroup, kind: 'Role', name: clusterInfoRole },
    subjects: [{ kind: 'User', apiGroup: rbacGroup, name: 'system:anonymous' }],
  };
}
