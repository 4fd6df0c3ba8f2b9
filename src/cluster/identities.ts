/** Who the parts of a cluster are to its API server. The same names are in the certificates of separate processes. */
import type { UserInfo } from '../base/exchange.ts';

/** Past all authorization: for the one who started the cluster. */
export const administrator: UserInfo = { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };

/** One identity for all controllers, which may do what any of upstream's controller roles may. */
export const controllerManager: UserInfo = {
  username: 'system:kube-controller-manager',
  groups: ['system:masters', 'system:authenticated'],
};

export const scheduler: UserInfo = { username: 'system:kube-scheduler', groups: ['system:authenticated'] };

export function nodeIdentity(name: string): UserInfo {
  return { username: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] };
}

/** As what they call themselves: what is in front of the slash owns, in managedFields, the fields that they write. */
export const userAgents = {
  controllerManager: 'kube-controller-manager/v1.36 (coxswain)',
  scheduler: 'kube-scheduler/v1.36 (coxswain)',
  kubelet: 'kubelet/v1.36 (coxswain)',
  proxy: 'kube-proxy/v1.36 (coxswain)',
} as const;
