/** Every active namespace has the ConfigMap `kube-root-ca.crt` with the authority that signs the API server's certificate. */
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from '../../client/failure.ts';
import { configMaps, namespaces } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { onChange, reconciler } from '../runtime/reconciler.ts';

const name = 'kube-root-ca.crt';
const description =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. ' +
  'No other usage is guaranteed across distributions of Kubernetes clusters.';

export function rootCaPublisher(rootCa: string): ControllerFactory {
  return (context) => {
    const { client } = context;
    const all = context.informers.get(namespaces);
    const maps = context.informers.get(configMaps);
    const loop = reconciler(context, { name: 'root-ca-certificate-publisher', reconcile });
    all.addHandler({ onAdd: ({ metadata }) => loop.queue.add(metadata.name ?? ''), onUpdate: (_, { metadata }) => loop.queue.add(metadata.name ?? '') });
    maps.addHandler(
      onChange(({ metadata }) => {
        if (metadata.name === name) loop.queue.add(metadata.namespace ?? '');
      }),
    );
    return loop;

    async function reconcile(namespace: string, signal: AbortSignal): Promise<void> {
      if (!all.get(namespace) || all.get(namespace)?.status?.phase === 'Terminating') return;
      const found = maps.get(`${namespace}/${name}`);
      if (found?.data?.['ca.crt'] === rootCa && Object.keys(found.data).length === 1) return;
      const wanted = { metadata: { name, namespace, annotations: { 'kubernetes.io/description': description } }, data: { 'ca.crt': rootCa } };
      try {
        if (found) await client.update(configMaps, { ...found, data: wanted.data, metadata: { ...found.metadata, annotations: { ...found.metadata.annotations, ...wanted.metadata.annotations } } }, { signal });
        else await client.create(configMaps, wanted, { signal });
      } catch (error) {
        if (!isAlreadyExists(error) && !isNamespaceTerminating(error) && !isNotFound(error)) throw error;
      }
    }
  };
}
