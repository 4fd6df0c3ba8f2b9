/**
 * An image as an OCI archive with one layer, out of files in memory: what
 * `ctr images import` reads. For nodes that have no registry to pull from, and
 * for tests.
 */
import { createHash } from 'node:crypto';

export interface ImageFile {
  /** From the image's root, without a leading slash. */
  readonly path: string;
  /** A link says where it points; neither content nor link: a directory. */
  readonly content?: Uint8Array;
  readonly link?: string;
  readonly mode?: number;
}

/** As in the OCI image configuration. */
export interface ImageConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly ExposedPorts?: Readonly<Record<string, Record<string, never>>>;
}

export interface ImageSource {
  /** With registry and tag: `localhost/pause:1`. */
  readonly name: string;
  readonly files: readonly ImageFile[];
  readonly config: ImageConfig;
  /** In Go's terms. */
  readonly architecture?: string;
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface OciImage {
  readonly manifest: Descriptor;
  /** By digest: the manifest, the configuration and the layer. */
  readonly blobs: ReadonlyMap<string, Buffer>;
}

export function ociImage({ files, config, architecture = architectures[process.arch] ?? process.arch }: Omit<ImageSource, 'name'>): OciImage {
  const blobs = new Map<string, Buffer>();
  const blob = (mediaType: string, content: Buffer): Descriptor => {
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    blobs.set(digest, content);
    return { mediaType, digest, size: content.length };
  };
  const layer = blob('application/vnd.oci.image.layer.v1.tar', tar(files));
  const configuration = blob('application/vnd.oci.image.config.v1+json', json({ architecture, os: 'linux', config, rootfs: { type: 'layers', diff_ids: [layer.digest] } }));
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  return { manifest: blob(mediaType, json({ schemaVersion: 2, mediaType, config: configuration, layers: [layer] })), blobs };
}

export function ociArchive(source: ImageSource): Buffer {
  const { manifest, blobs } = ociImage(source);
  const { name } = source;
  const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1) };
  return tar([
    { path: 'oci-layout', content: json({ imageLayoutVersion: '1.0.0' }) },
    { path: 'index.json', content: json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }) },
    ...[...blobs].map(([digest, content]) => ({ path: `blobs/${digest.replace(':', '/')}`, content })),
  ]);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

const blockBytes = 512;

/** In the ustar format; everything is root's, and of no time, so that the same files make the same image. */
function tar(files: readonly ImageFile[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const file of files) {
    const { content = new Uint8Array() } = file;
    parts.push(tarHeader(file, content.length), content, Buffer.alloc(-content.length & (blockBytes - 1)));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * blockBytes)]);
}

function tarHeader({ path, content, link, mode }: ImageFile, size: number): Buffer {
  const header = Buffer.alloc(blockBytes);
  const type = content ? '0' : link !== undefined ? '2' : '5';
  const octal = (value: number, offset: number, digits: number) => header.write(value.toString(8).padStart(digits, '0'), offset);
  if (Buffer.byteLength(path) > 100) throw new RangeError(`the path is too long for an image: ${path}`);
  header.write(path, 0);
  octal(mode ?? (type === '0' ? 0o644 : 0o755), 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(0, 136, 11);
  header.write(' '.repeat(8), 148);
  header.write(type, 156);
  if (link !== undefined) header.write(link, 157, 100);
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}
