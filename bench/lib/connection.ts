/** A bare HTTP/2 client: as little of its own cost as Node allows, so that what is measured is the server. */
import http2 from 'node:http2';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';

export interface Connection {
  request(method: string, path: string, body?: string, headers?: Record<string, string>): Promise<{ status: number; bytes: number; text(): string }>;
  /** Opens a stream and calls back with each chunk. */
  open(path: string, onData: (chunk: Buffer) => void): Promise<void>;
  close(): void;
}

export function connect(kubeconfig: string): Connection {
  const { server, ca, cert, key } = loadKubeconfig(kubeconfig);
  const session = http2.connect(server, { ca, cert, key, settings: { initialWindowSize: 1 << 24 } });
  session.on('connect', () => session.setLocalWindowSize(1 << 26));
  return {
    request(method, path, body, headers = {}) {
      return new Promise((resolve, reject) => {
        const stream = session.request({ ':method': method, ':path': path, ...(body ? { 'content-type': 'application/json' } : {}), ...headers });
        const chunks: Buffer[] = [];
        let bytes = 0;
        let status = 0;
        stream.on('response', (head) => (status = Number(head[':status'])));
        stream.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes < 1 << 20) chunks.push(chunk);
        });
        stream.on('end', () => resolve({ status, bytes, text: () => Buffer.concat(chunks).toString() }));
        stream.on('error', reject);
        stream.end(body);
      });
    },
    open(path, onData) {
      return new Promise((resolve, reject) => {
        const stream = session.request({ ':path': path });
        stream.on('response', () => resolve());
        stream.on('data', onData);
        stream.on('error', reject);
      });
    },
    close: () => session.destroy(),
  };
}

/** Runs `work` `total` times, `parallel` at once; returns the latencies in milliseconds and the time it all took. */
export async function inParallel(total: number, parallel: number, work: (index: number) => Promise<void>): Promise<{ ms: number; latencies: number[] }> {
  const latencies: number[] = [];
  let next = 0;
  const started = performance.now();
  const worker = async () => {
    for (let index = next++; index < total; index = next++) {
      const before = performance.now();
      await work(index);
      latencies.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return { ms: performance.now() - started, latencies };
}

export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0;
}
