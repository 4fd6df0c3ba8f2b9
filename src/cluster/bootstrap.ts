import type { ApiServerParts } from '../server/http/call.ts';
export async function bootstrap(parts: ApiServerParts, ..._: unknown[]): Promise<void> {
  const ns = parts.catalogue.lookup('', 'v1', 'namespaces')!;
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
    if (await parts.registry.get(ns, '', name)) continue;
    await parts.registry.create(ns, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'kubernetes.io/metadata.name': name } }, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } }, { user: { username: 'system:apiserver', groups: ['system:masters'] }, namespace: '', dryRun: false, now: parts.clock.now(), warn() {}, attributes: {} as never, options: {} });
  }
}
