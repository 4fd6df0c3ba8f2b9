/**
 * A node's client certificate, renewed in time. Between 70 and 90 % of its life,
 * so that the nodes of a cluster do not all come at once, the node asks with the
 * old one for the next; the kubeconfig is written anew, and new requests go over
 * new connections.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import { Client } from '../../client/client.ts';
import { parseKubeconfig, type ConnectionConfig } from '../../client/kubeconfig.ts';
import type { ClientRequest, Transport } from '../../client/transport.ts';
import { http2Transport } from '../../client/transports/http2.ts';
import { nodeClientRequest, requestCertificate } from '../certificate-request.ts';
import { userAgents } from '../identities.ts';
import { formatKubeconfig } from '../pki/kubeconfig.ts';
import { componentSubjects, writePrivateFile } from '../pki/pki.ts';

export interface RotatingCredentialsOptions {
  /** The kubeconfig; written anew with each certificate. */
  readonly path: string;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const signedWithinMs = 10 * 60_000;
const retryMs = 60_000;
/** What is still under way over the old connections gets so long; watches begin anew on the next. */
const drainMs = 60_000;

export class RotatingCredentials implements Transport {
  readonly #options: RotatingCredentialsOptions;
  #config: ConnectionConfig;
  #current: Transport;
  #timer: Timer | undefined;

  constructor(options: RotatingCredentialsOptions) {
    this.#options = options;
    this.#config = parseKubeconfig(readFileSync(options.path, 'utf8'));
    this.#current = http2Transport(this.#config, { clock: options.clock });
    this.#arm();
  }

  /** PEM of the authority behind the API server. */
  get authority(): string {
    return String(this.#config.ca ?? '');
  }

  request(request: ClientRequest) {
    return this.#current.request(request);
  }

  stream(request: ClientRequest) {
    return this.#current.stream(request);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#current.close();
  }

  /** A kubeconfig with something else than a certificate is for its owner to renew. */
  #arm(): void {
    const { clock, random } = this.#options;
    if (!this.#config.cert) return;
    this.#wait(renewalTime(String(this.#config.cert), random.fraction()) - clock.now());
  }

  #wait(delayMs: number): void {
    const { clock, logger, signal } = this.#options;
    // The longest that timers take is some 24 days.
    const step = Math.min(Math.max(delayMs, 0), 2 ** 30);
    this.#timer = clock.after(step, () => {
      if (step < delayMs) return this.#wait(delayMs - step);
      this.#renew().catch((error: unknown) => {
        if (signal.aborted) return;
        logger.warn('the client certificate could not be renewed', { error });
        this.#wait(retryMs);
      });
    });
  }

  async #renew(): Promise<void> {
    const { path, nodeName, clock, logger, signal } = this.#options;
    const subject = componentSubjects.node(nodeName);
    const client = new Client(this.#current, { clock, userAgent: userAgents.kubelet });
    const next = await requestCertificate(client, { subject, namePrefix: 'node-csr-', ...nodeClientRequest }, { clock, withinMs: signedWithinMs, signal });
    writePrivateFile(path, formatKubeconfig({ server: this.#config.server, authorityCertificate: this.authority, user: subject.commonName, client: next }));
    const old = this.#current;
    this.#config = { ...this.#config, cert: next.certificate, key: next.privateKey };
    this.#current = http2Transport(this.#config, { clock });
    clock.after(drainMs, () => void old.close());
    logger.info('the client certificate has been renewed', { until: new X509Certificate(next.certificate).validTo });
    this.#arm();
  }
}

/** Epoch milliseconds; `place` in [0, 1) is where in the time for it. */
export function renewalTime(certificate: string, place: number): number {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  const from = validFromDate.getTime();
  return from + (validToDate.getTime() - from) * (0.7 + 0.2 * place);
}
