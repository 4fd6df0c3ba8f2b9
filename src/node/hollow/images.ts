/** Image names as containerd reports them, and digests that pretend. */
import { createHash } from 'node:crypto';

/** `nginx` -> `docker.io/library/nginx:latest`. */
export function normalizeImage(image: string): string {
  const slash = image.indexOf('/');
  const first = slash < 0 ? '' : image.slice(0, slash);
  const hasRegistry = first.includes('.') || first.includes(':') || first === 'localhost';
  const named = hasRegistry ? image : `docker.io/${slash < 0 ? 'library/' : ''}${image}`;
  if (named.includes('@')) return named;
  return named.lastIndexOf(':') > named.lastIndexOf('/') ? named : `${named}:latest`;
}

const known = new Map<string, string>();
const knownMax = 1000;

/** A name with a digest that is always the same for the same image. */
export function imageIdOf(normalized: string): string {
  if (normalized.includes('@sha256:')) return normalized;
  const found = known.get(normalized);
  if (found !== undefined) return found;
  const repository = normalized.slice(0, normalized.lastIndexOf(':'));
  const id = `${repository}@sha256:${createHash('sha256').update(normalized).digest('hex')}`;
  if (known.size >= knownMax) known.clear();
  known.set(normalized, id);
  return id;
}
