/**
 * Names of images, by the grammar of the distribution project's reference: what
 * a registry is asked for when a pod says `nginx`.
 */
import { StartError } from '../kubelet/runtime.ts';

const domainPart = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domain = `(?:${domainPart}(?:\\.${domainPart})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?`;
const pathPart = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const grammar = new RegExp(
  `^(?<repository>(?:(?<domain>${domain})/)?(?<path>${pathPart}(?:/${pathPart})*))(?::(?<tag>\\w[\\w.-]{0,127}))?(?:@(?<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
);
const repositoryLengthMax = 255;
/** A digest without its algorithm is no name. */
const bareDigest = /^[0-9a-f]{64}$/;

export interface ImageName {
  /** `docker.io` where the name says none. */
  readonly registry: string;
  /** `library/nginx` */
  readonly path: string;
  /** `latest` where there is neither tag nor digest. */
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** Undefined: it is no name of an image. */
export function parseImageName(text: string): ImageName | undefined {
  if (bareDigest.test(text)) return undefined;
  const { registry, path } = splitRegistry(text);
  const match = grammar.exec(`${registry}/${path}`);
  const { groups } = match ?? {};
  if (!groups?.['path'] || groups['domain'] !== registry || (groups['repository']?.length ?? 0) > repositoryLengthMax) return undefined;
  const { tag, digest } = groups;
  return { registry, path: groups['path'], tag: tag ?? (digest === undefined ? 'latest' : undefined), digest };
}

function splitRegistry(text: string): { readonly registry: string; readonly path: string } {
  const [first = '', ...rest] = text.split('/');
  // The first part is a registry only if it looks like a host: `a/b` is on docker.io.
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first);
  const registry = hasRegistry ? (first === 'index.docker.io' ? 'docker.io' : first) : 'docker.io';
  const remainder = hasRegistry ? rest.join('/') : text;
  return { registry, path: registry === 'docker.io' && !remainder.includes('/') ? `library/${remainder}` : remainder };
}

/** As the runtime is asked for it: the pod's own words, with the tag it leaves out. Throws StartError. */
export function imageToAskFor(text: string): string {
  const name = parseImageName(text);
  if (!name) throw new StartError('InvalidImageName', `Failed to apply default image tag "${text}": couldn't parse image name "${text}": ${whyInvalid(text)}`);
  const { tag, digest } = name;
  return digest === undefined && tag !== undefined && !text.endsWith(`:${tag}`) ? `${text}:${tag}` : text;
}

function whyInvalid(text: string): string {
  if (bareDigest.test(text)) return `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`;
  const path = splitRegistry(text).path.replace(/:.*$/, '');
  return `invalid reference format${path.toLowerCase() === path ? '' : `: repository name (${path}) must be lowercase`}`;
}
