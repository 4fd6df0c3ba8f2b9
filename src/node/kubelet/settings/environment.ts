/**
 * A container's environment: what it takes from ConfigMaps and Secrets as a
 * whole, then its own variables in order, each of which may refer to those
 * before it, then the Services it does not know yet. Rules and wording are
 * upstream's (kubelet_pods.go makeEnvironmentVariables).
 */
import type { ConfigMap, Container, EnvFromSource, EnvVar, EnvVarSource, FileKeySelector, Pod, Secret } from '../../../api/types/core-v1.ts';
import { podField, resourceField, resourceFieldOf, type PodAddresses } from '../downward-api.ts';
import { expand } from '../expansion.ts';
import type { NodeObjects } from '../objects/node-objects.ts';
import { serviceVariables } from './service-variables.ts';

export interface EnvironmentSources {
  readonly objects: Pick<NodeObjects, 'configMap' | 'secret' | 'services'>;
  readonly allocatable: Readonly<Record<string, string>>;
  /** The variable of a file in one of the pod's volumes; undefined: there is none. */
  fileVariable(pod: Pod, selector: FileKeySelector): Promise<string | undefined>;
}

const master = 'kubernetes';
const masterNamespace = 'default';

/** Rejects with what the container's waiting state should say. */
export async function containerEnvironment(pod: Pod, container: Container, addresses: PodAddresses, sources: EnvironmentSources): Promise<Map<string, string>> {
  const ofServices = await servicesOf(pod, sources);
  const variables = new Map<string, string>();
  for (const source of container.envFrom ?? []) await addAll(variables, pod, source, sources);
  const lookUp = (name: string) => variables.get(name) ?? ofServices.get(name) ?? `$(${name})`;
  for (const variable of container.env ?? []) {
    const value = await valueOfVariable(variable, { pod, container, addresses, sources, lookUp });
    if (value !== undefined) variables.set(variable.name, value);
  }
  for (const [name, value] of ofServices) if (!variables.has(name)) variables.set(name, value);
  return variables;
}

/** The API itself is told of in any case. */
async function servicesOf(pod: Pod, { objects }: EnvironmentSources): Promise<Map<string, string>> {
  const api = (await objects.services(masterNamespace)).filter(({ metadata }) => metadata.name === master);
  const own = pod.spec.enableServiceLinks === false ? [] : await objects.services(pod.metadata.namespace ?? '');
  return serviceVariables([...own.filter(({ metadata }) => metadata.name !== master), ...api]);
}

async function addAll(variables: Map<string, string>, pod: Pod, { configMapRef, secretRef, prefix = '' }: EnvFromSource, { objects }: EnvironmentSources): Promise<void> {
  const { namespace = '', uid = '' } = pod.metadata;
  if (configMapRef) {
    const name = configMapRef.name ?? '';
    const configMap = await objects.configMap(namespace, name, uid);
    if (!configMap && !configMapRef.optional) throw notFound('configmap', name);
    for (const [key, value] of Object.entries(configMap?.data ?? {})) variables.set(prefix + key, value);
  } else if (secretRef) {
    const name = secretRef.name ?? '';
    const secret = await objects.secret(namespace, name, uid);
    if (!secret && !secretRef.optional) throw notFound('secret', name);
    for (const [key, value] of Object.entries(secret?.data ?? {})) variables.set(prefix + key, decode(value));
  }
}

interface Resolving {
  readonly pod: Pod;
  readonly container: Container;
  readonly addresses: PodAddresses;
  readonly sources: EnvironmentSources;
  lookUp(name: string): string;
}

/** Undefined: the variable is optional, and there is nothing for it. */
async function valueOfVariable({ value, valueFrom }: EnvVar, resolving: Resolving): Promise<string | undefined> {
  if (value) return expand(value, resolving.lookUp);
  return valueFrom ? valueOfSource(valueFrom, resolving) : '';
}

async function valueOfSource(source: EnvVarSource, { pod, container, addresses, sources }: Resolving): Promise<string | undefined> {
  const { namespace = '', uid = '' } = pod.metadata;
  if (source.fieldRef) return podField(pod, source.fieldRef.fieldPath, addresses);
  if (source.resourceFieldRef) {
    // What the pod as a whole is limited to is what its containers have.
    const limits = { ...sources.allocatable, ...pod.spec.resources?.limits };
    return source.resourceFieldRef.containerName ? resourceFieldOf(pod, source.resourceFieldRef, limits) : resourceField(container, source.resourceFieldRef, limits);
  }
  if (source.configMapKeyRef) {
    const { name = '', key, optional } = source.configMapKeyRef;
    const configMap: ConfigMap | undefined = await sources.objects.configMap(namespace, name, uid);
    if (!configMap && !optional) throw notFound('configmap', name);
    const value = configMap?.data?.[key];
    if (value === undefined && !optional) throw new Error(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
    return value;
  }
  if (source.secretKeyRef) {
    const { name = '', key, optional } = source.secretKeyRef;
    const secret: Secret | undefined = await sources.objects.secret(namespace, name, uid);
    if (!secret && !optional) throw notFound('secret', name);
    const value = secret?.data?.[key];
    if (value === undefined && !optional) throw new Error(`couldn't find key ${key} in Secret ${namespace}/${name}`);
    return value === undefined ? undefined : decode(value);
  }
  if (!source.fileKeyRef) return '';
  const value = await sources.fileVariable(pod, source.fileKeyRef);
  if (value !== undefined || source.fileKeyRef.optional) return value;
  throw new Error(`environment variable key "${source.fileKeyRef.key}" not found in file "${source.fileKeyRef.path}"`);
}

function notFound(resource: string, name: string): Error {
  return new Error(`${resource} "${name}" not found`);
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}
