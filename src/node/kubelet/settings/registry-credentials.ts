/** The credentials that pull secrets hold for an image, the most specific first. Matching is upstream's (pkg/credentialprovider). */
import type { Secret } from '../../../api/types/core-v1.ts';
import type { RegistryCredentials } from '../runtime.ts';

interface Login {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

const defaultRegistry = 'index.docker.io';

export function credentialsFor(image: string, secrets: readonly Secret[]): RegistryCredentials[] {
  const logins = secrets.flatMap(loginsOf).map(([address, login]) => ({ key: registryKey(address), login }));
  const matching = logins.filter(({ key }) => covers(key, image)).toSorted((a, b) => (a.key < b.key ? 1 : a.key > b.key ? -1 : 0));
  const found = matching.length > 0 || !isOfDefaultRegistry(image) ? matching : logins.filter(({ key }) => key === defaultRegistry);
  return found.map(({ key, login }) => credentials(key, login));
}

function loginsOf({ data, type }: Secret): [string, Login][] {
  const isJson = type === 'kubernetes.io/dockerconfigjson';
  const text = data?.[isJson ? '.dockerconfigjson' : '.dockercfg'];
  if (text === undefined) return [];
  try {
    const parsed = JSON.parse(Buffer.from(text, 'base64').toString()) as Record<string, unknown>;
    const logins = isJson ? parsed['auths'] : parsed;
    return Object.entries((logins ?? {}) as Record<string, Login>).filter(([, login]) => typeof login === 'object' && login !== null);
  } catch {
    // A secret that cannot be read holds nothing: the registry says what is missing.
    return [];
  }
}

/** The address without scheme and without the API version that logins put behind it. */
function registryKey(address: string): string {
  return address.replace(/^https?:\/\//, '').replace(/^([^/]*)\/v[12](?=\/|$)/, '$1').replace(/\/$/, '');
}

/** Each part of the host may have wildcards; the path must begin as the key's does. */
function covers(key: string, image: string): boolean {
  const [host, path] = splitAddress(key);
  const [imageHost, imagePath] = splitAddress(image);
  const [name = '', port] = host.split(':');
  const [imageName = '', imagePort] = imageHost.split(':');
  const parts = name.split('.');
  const imageParts = imageName.split('.');
  return port === imagePort && parts.length === imageParts.length && imagePath.startsWith(path) && parts.every((part, index) => globMatches(part, imageParts[index] ?? ''));
}

function splitAddress(address: string): [host: string, path: string] {
  const slash = address.indexOf('/');
  return slash < 0 ? [address, ''] : [address.slice(0, slash), address.slice(slash)];
}

function globMatches(glob: string, text: string): boolean {
  if (!/[*?]/.test(glob)) return glob === text;
  const pattern = glob.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.');
  return new RegExp(`^${pattern}$`).test(text);
}

function isOfDefaultRegistry(image: string): boolean {
  const [host, path] = splitAddress(image);
  return path === '' || host === 'docker.io' || host === defaultRegistry || !/[.:]/.test(host);
}

function credentials(serverAddress: string, { username, password, auth = '', identitytoken = '', registrytoken = '' }: Login): RegistryCredentials {
  const decoded = Buffer.from(auth, 'base64').toString();
  const colon = decoded.indexOf(':');
  return {
    username: username ?? (colon < 0 ? '' : decoded.slice(0, colon)),
    password: password ?? (colon < 0 ? '' : decoded.slice(colon + 1)),
    identityToken: identitytoken,
    registryToken: registrytoken,
    serverAddress,
  };
}
