/** Every active namespace has a ServiceAccount named `default`. */
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from '../../client/failure.ts';
import { namespaces, serviceAccounts } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { onChange, reconciler } from '../runtime/reconciler.ts';

const name = 'default';

export const serviceAccountController: ControllerFactory = (context) => {
  const all = context.informers.get(namespaces);
  const accounts = context.informers.get(serviceAccounts);
  const loop = reconciler(context, { name: 'serviceaccount', reconcile });
  all.addHandler(onChange((namespace) => loop.queue.add(namespace.metadata.name ?? '')));
  accounts.addHandler({
    onDelete: ({ metadata }) => {
      if (metadata.name === name) loop.queue.add(metadata.namespace ?? '');
    },
  });
  return loop;

  async function reconcile(namespace: string, signal: AbortSignal): Promise<void> {
    if (all.get(namespace)?.status?.phase === 'Terminating' || !all.get(namespace) || accounts.get(`${namespace}/${name}`)) return;
    try {
      await context.client.create(serviceAccounts, { metadata: { name, namespace } }, { signal });
    } catch (error) {
      if (!isAlreadyExists(error) && !isNamespaceTerminating(error) && !isNotFound(error)) throw error;
    }
  }
};
