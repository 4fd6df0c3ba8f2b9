/** A registry of a test's own, with one image, for those who know its password. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ociImage, type ImageSource } from '../../src/node/cri/oci-archive.ts';

export interface Registry {
  /** `127.0.0.1:port` */
  readonly address: string;
  close(): Promise<void>;
}

export interface RegistryOptions {
  /** As `path` and `tag` of its name say. */
  readonly path: string;
  readonly tag: string;
  readonly image: Omit<ImageSource, 'name'>;
  readonly username: string;
  readonly password: string;
}

export async function startRegistry({ path, tag, image, username, password }: RegistryOptions): Promise<Registry> {
  const { manifest, blobs } = ociImage(image);
  const secret = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const server = createServer((request, response) => {
    if (request.headers.authorization !== secret) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
      return;
    }
    const [, kind = '', reference = ''] = new RegExp(`^/v2/${path}/(manifests|blobs)/([^/]+)$`).exec(request.url ?? '') ?? [];
    const digest = kind === 'manifests' && reference === tag ? manifest.digest : reference;
    const content = blobs.get(digest);
    if (!content) {
      response.writeHead(404).end();
      return;
    }
    const type = digest === manifest.digest ? manifest.mediaType : 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, 'content-length': content.length, 'docker-content-digest': digest }).end(request.method === 'HEAD' ? undefined : content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
