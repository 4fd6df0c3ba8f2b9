/**
 * Every pod runs as a service account that exists: `default` unless it says
 * another. The account's pull secrets and, as a projected volume, its token
 * come into the pod.
 */
import type { KubeObject } from '../../api/object.ts';
import type { Container, EphemeralContainer, Pod, ServiceAccount, Volume } from '../../api/types/core-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { AdmissionPlugin, AdmissionRequest, ClusterView } from './contract.ts';
import { awaitObject } from './derived.ts';
import { refersToSecrets } from './pod-references.ts';
import { isMirrorPod, podOf, refuse } from './requests.ts';

const tokenMountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const tokenVolumePrefix = 'kube-api-access-';
/** Asked for by every such volume: the token really lives longer, and is reported where it is used after this. */
const tokenExpirationSeconds = 3607;
const enforceMountableSecretsAnnotation = 'kubernetes.io/enforce-mountable-secrets';
/** The account `default` of a new namespace is made by a controller, a moment later. */
const defaultAppearsWithinMs = 1500;
const appearsWithinMs = 50;

export class ServiceAccountAdmission implements AdmissionPlugin {
  readonly name = 'ServiceAccount';
  readonly #view: ClusterView;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(view: ClusterView, clock: Clock, random: Random) {
    this.#view = view;
    this.#clock = clock;
    this.#random = random;
  }

  handles({ operation, resource, attributes }: AdmissionRequest): boolean {
    if (resource.resource !== 'pods' || resource.group !== '') return false;
    return attributes.subresource === ''
      ? operation === 'CREATE'
      : attributes.subresource === 'ephemeralcontainers' && operation === 'UPDATE';
  }

  mutate(request: AdmissionRequest): void | Promise<void> {
    if (request.operation !== 'CREATE') return;
    const pod = podOf(request.object);
    if (isMirrorPod(pod)) return checkMirrorPod(request, pod);
    const { spec } = pod;
    if (!spec) return;
    spec.serviceAccountName ||= 'default';
    return this.#withAccount(request, spec.serviceAccountName, (account) => this.#complete(pod, account));
  }

  validate(request: AdmissionRequest): void | Promise<void> {
    const pod = podOf(request.object);
    if (isMirrorPod(pod)) return request.operation === 'CREATE' ? checkMirrorPod(request, pod) : undefined;
    const name = pod.spec?.serviceAccountName;
    if (!name)
      throw refuse(
        request,
        `no service account specified for pod ${request.namespace}/${pod.metadata.name ?? ''}`,
      );
    return this.#withAccount(request, name, (account) => {
      if (!enforcesMountableSecrets(account)) return;
      const problem =
        request.operation === 'CREATE' ? secretProblem(pod, account) : ephemeralSecretProblem(pod, account);
      if (problem !== undefined) throw refuse(request, problem);
    });
  }

  #withAccount(
    request: AdmissionRequest,
    name: string,
    use: (account: ServiceAccount) => void,
  ): void | Promise<void> {
    const { namespace } = request;
    const check = (found: KubeObject | undefined) => {
      if (!found)
        throw refuse(
          request,
          `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`,
        );
      use(found as unknown as ServiceAccount);
    };
    const found = this.#view.get('', 'serviceaccounts', namespace, name);
    if (found) return check(found);
    const forMs = name === 'default' ? defaultAppearsWithinMs : appearsWithinMs;
    return awaitObject(this.#view, this.#clock, {
      group: '',
      resource: 'serviceaccounts',
      namespace,
      name,
      forMs,
    }).then(check);
  }

  #complete(pod: Pod, account: ServiceAccount): void {
    const { spec } = pod;
    if (!spec) return;
    if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true)
      this.#mountToken(pod);
    if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
      spec.imagePullSecrets = account.imagePullSecrets.map((secret) => ({
        ...(secret.name === undefined ? {} : { name: secret.name }),
      }));
  }

  #mountToken({ spec }: Pod): void {
    if (!spec) return;
    const existing = spec.volumes?.find((volume) => volume.name.startsWith(tokenVolumePrefix));
    const name = existing?.name ?? tokenVolumePrefix + this.#random.suffix(5);
    let isNeeded = false;
    for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
      if (container.volumeMounts?.some((mount) => mount.mountPath === tokenMountPath)) continue;
      container.volumeMounts = [
        ...(container.volumeMounts ?? []),
        { name, readOnly: true, mountPath: tokenMountPath },
      ];
      isNeeded = true;
    }
    if (isNeeded && !existing) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
  }
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: tokenExpirationSeconds, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
      defaultMode: 0o644,
    },
  };
}

function checkMirrorPod(request: AdmissionRequest, pod: Pod): void {
  const { spec } = pod;
  if (!spec) return;
  if (spec.serviceAccountName) throw refuse(request, 'a mirror pod may not reference service accounts');
  if (refersToSecrets(pod)) throw refuse(request, 'a mirror pod may not reference secrets');
  if (spec.volumes?.some((volume) => volume.projected?.sources?.some((source) => source.serviceAccountToken)))
    throw refuse(request, 'a mirror pod may not use ServiceAccountToken volume projections');
}

function enforcesMountableSecrets({ metadata }: ServiceAccount): boolean {
  return ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(
    metadata.annotations?.[enforceMountableSecretsAnnotation] ?? '',
  );
}

function notReferenced(account: ServiceAccount): string {
  return `is not allowed because service account ${account.metadata.name ?? ''} does not reference that secret`;
}

function containerSecretProblem(
  title: string,
  { name, env = [], envFrom = [] }: Container | EphemeralContainer,
  mountable: ReadonlySet<string>,
  account: ServiceAccount,
): string | undefined {
  for (const { name: variable, valueFrom } of env) {
    const secret = valueFrom?.secretKeyRef && (valueFrom.secretKeyRef.name ?? '');
    if (secret !== undefined && !mountable.has(secret))
      return `${title} ${name} with envVar ${variable} referencing secret.secretName="${secret}" ${notReferenced(account)}`;
  }
  for (const { secretRef } of envFrom) {
    const secret = secretRef && (secretRef.name ?? '');
    if (secret !== undefined && !mountable.has(secret))
      return `${title} ${name} with envFrom referencing secret.secretName="${secret}" ${notReferenced(account)}`;
  }
  return undefined;
}

function mountableSecrets({ secrets = [] }: ServiceAccount): Set<string> {
  return new Set(secrets.map((secret) => secret.name ?? ''));
}

function secretProblem({ spec }: Pod, account: ServiceAccount): string | undefined {
  const mountable = mountableSecrets(account);
  for (const { secret } of spec?.volumes ?? [])
    if (secret && !mountable.has(secret.secretName ?? ''))
      return `volume with secret.secretName="${secret.secretName ?? ''}" ${notReferenced(account)}`;
  for (const container of spec?.initContainers ?? []) {
    const problem = containerSecretProblem('init container', container, mountable, account);
    if (problem !== undefined) return problem;
  }
  for (const container of spec?.containers ?? []) {
    const problem = containerSecretProblem('container', container, mountable, account);
    if (problem !== undefined) return problem;
  }
  const pullable = new Set((account.imagePullSecrets ?? []).map((secret) => secret.name));
  for (const [index, secret] of (spec?.imagePullSecrets ?? []).entries())
    if (!pullable.has(secret.name))
      return `imagePullSecrets[${index}].name="${secret.name ?? ''}" is not allowed because service account ${account.metadata.name ?? ''} does not reference that imagePullSecret`;
  return undefined;
}

function ephemeralSecretProblem({ spec }: Pod, account: ServiceAccount): string | undefined {
  const mountable = mountableSecrets(account);
  for (const container of spec?.ephemeralContainers ?? []) {
    const problem = containerSecretProblem('ephemeral container', container, mountable, account);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
