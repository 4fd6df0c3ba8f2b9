/** All controllers, by name. */
import { garbageCollector } from './garbagecollector/garbage-collector.ts';
import { namespaceController } from './namespace/namespace-controller.ts';
import { replicaSetController, replicationControllerController } from './replication/replication.ts';
import type { ControllerFactory } from './runtime/context.ts';
import { rootCaPublisher } from './serviceaccount/root-ca-publisher.ts';
import { serviceAccountController } from './serviceaccount/service-account.ts';
import { tokenSecretController } from './serviceaccount/token-secrets.ts';
import type { SignLegacyToken } from './serviceaccount/token-secrets.ts';

export interface ControllerSettings {
  /** PEM of the authority behind the API server's certificate; without it nothing publishes it. */
  readonly rootCa?: string;
  /** Signs the tokens of legacy token secrets; without it such secrets stay empty. */
  readonly signLegacyToken?: SignLegacyToken;
}

export interface CatalogueEntry {
  readonly name: string;
  readonly create: ControllerFactory;
}

export function controllerCatalogue(settings: ControllerSettings): readonly CatalogueEntry[] {
  const { rootCa, signLegacyToken } = settings;
  return [
    { name: 'replicationcontroller', create: replicationControllerController },
    { name: 'replicaset', create: replicaSetController },
    { name: 'namespace', create: namespaceController },
    { name: 'serviceaccount', create: serviceAccountController },
    ...(rootCa
      ? [
          { name: 'root-ca-certificate-publisher', create: rootCaPublisher(rootCa) },
          { name: 'serviceaccount-token', create: tokenSecretController(rootCa, signLegacyToken) },
        ]
      : []),
    // Last: it watches on its own only what nobody before it watches.
    { name: 'garbagecollector', create: garbageCollector },
  ];
}
