/** The variables that tell containers where Services are. Names are upstream's (pkg/kubelet/envvars). */
import type { Service } from '../../../api/types/core-v1.ts';

/** Of Services that have a cluster IP; others say nothing. */
export function serviceVariables(services: readonly Service[]): Map<string, string> {
  const variables = new Map<string, string>();
  for (const service of services) if (hasClusterIp(service)) addVariables(variables, service);
  return variables;
}

function hasClusterIp({ spec }: Service): boolean {
  return spec?.clusterIP !== undefined && spec.clusterIP !== '' && spec.clusterIP !== 'None' && (spec.ports?.length ?? 0) > 0;
}

function addVariables(variables: Map<string, string>, { metadata, spec }: Service): void {
  const prefix = variableName(metadata.name ?? '');
  const ip = spec?.clusterIP ?? '';
  const host = ip.includes(':') ? `[${ip}]` : ip;
  variables.set(`${prefix}_SERVICE_HOST`, ip);
  for (const [index, { name, port, protocol = 'TCP' }] of (spec?.ports ?? []).entries()) {
    const scheme = protocol.toLowerCase();
    const url = `${scheme}://${host}:${port}`;
    if (index === 0) {
      variables.set(`${prefix}_SERVICE_PORT`, String(port));
      variables.set(`${prefix}_PORT`, url);
    }
    if (name) variables.set(`${prefix}_SERVICE_PORT_${variableName(name)}`, String(port));
    const ofPort = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
    variables.set(ofPort, url);
    variables.set(`${ofPort}_PROTO`, scheme);
    variables.set(`${ofPort}_PORT`, String(port));
    variables.set(`${ofPort}_ADDR`, ip);
  }
}

function variableName(name: string): string {
  return name.replaceAll('-', '_').toUpperCase();
}
