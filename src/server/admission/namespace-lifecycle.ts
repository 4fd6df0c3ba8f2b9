/** Objects live in namespaces that exist; nothing new comes into one that ends; some namespaces never end. */
import { forbidden, notFound } from '../../api/errors.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Namespace } from '../../api/types/core-v1.ts';
import type { AdmissionPlugin, AdmissionRequest, ClusterView } from './contract.ts';
import { refuse } from './requests.ts';

const immortal = new Set(['default', 'kube-system', 'kube-public']);

export class NamespaceLifecycle implements AdmissionPlugin {
  readonly name = 'NamespaceLifecycle';
  readonly #view: ClusterView;

  constructor(view: ClusterView) {
    this.#view = view;
  }

  handles({ operation, resource, namespace }: AdmissionRequest): boolean {
    if (resource.resource === 'namespaces' && resource.group === '') return operation === 'DELETE';
    // To say of a namespace that it is not there would tell its name to who may not know.
    if (resource.resource === 'localsubjectaccessreviews') return false;
    return namespace !== '' && operation !== 'DELETE';
  }

  mutate(request: AdmissionRequest): void | Promise<void> {
    const { resource, namespace } = request;
    if (resource.resource === 'namespaces' && resource.group === '') {
      if (immortal.has(request.name))
        throw forbidden(
          { group: '', kind: 'namespaces', name: request.name },
          'this namespace may not be deleted',
        );
      return;
    }
    const found = this.#view.get('', 'namespaces', '', namespace);
    if (found || request.operation !== 'CREATE') {
      this.#check(request, found);
      return;
    }
    // Who creates a namespace and at once something in it may be ahead of the cache.
    return this.#view.fresh().then(() => this.#check(request, this.#view.get('', 'namespaces', '', namespace)));
  }

  #check(request: AdmissionRequest, object: KubeObject | undefined): void {
    const { namespace, operation } = request;
    if (!object) throw notFound({ group: '', kind: 'namespaces', name: namespace });
    if (operation !== 'CREATE' || (object as unknown as Namespace).status?.phase !== 'Terminating') return;
    const refusal = refuse(
      request,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
    );
    const { details } = refusal.status;
    if (details) {
      const cause = {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      };
      details.causes = [cause];
    }
    throw refusal;
  }
}
