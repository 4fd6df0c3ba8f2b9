/**
 * The CSI drivers of this node. Each makes itself known by a socket in the
 * registration directory, which is asked who it is; then the node's CSINode object
 * and the node's labels say what can be reached from here. A socket that has gone
 * takes its driver away.
 */
import { watch } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { VolumeHost } from '../volume-plugin.ts';
import { registrationService } from './csi-api.ts';
import { CsiDriver } from './csi-driver.ts';
import { addToCsiNode, removeFromCsiNode } from './csi-node.ts';
import { UnixGrpc } from './unix-grpc.ts';

const pluginType = 'CSIPlugin';
const registrationTimeoutMs = 10_000;
/** Events of directories can be missed, and a driver may not answer at once. */
const lookEveryMs = 10_000;

export class CsiDrivers {
  readonly #host: VolumeHost;
  /** By the path of the socket that registered it. */
  readonly #registered = new Map<string, CsiDriver>();
  #looking: Promise<void> | undefined;
  #again = false;

  constructor(host: VolumeHost) {
    this.#host = host;
  }

  /** Rejects where there is no driver of that name (yet). */
  of(name: string): CsiDriver {
    for (const driver of this.#registered.values()) if (driver.name === name) return driver;
    throw new Error(`driver name ${name} not found in the list of registered CSI drivers`);
  }

  async start(): Promise<void> {
    const { directories, clock, signal } = this.#host;
    await mkdir(directories.registry, { recursive: true, mode: 0o750 });
    const watcher = watch(directories.registry, { signal }, () => this.#look());
    watcher.on('error', (error) => this.#host.logger.warn('watching for drivers failed', { error }));
    const timer = clock.every(lookEveryMs, () => this.#look());
    signal.addEventListener('abort', () => {
      timer.cancel();
      for (const driver of this.#registered.values()) driver.close();
      this.#registered.clear();
    });
    await this.#lookNow();
  }

  #look(): void {
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#looking = this.#lookNow()
      .catch((error: unknown) => this.#host.logger.warn('looking for drivers failed', { error }))
      .finally(() => {
        this.#looking = undefined;
        if (!this.#again) return;
        this.#again = false;
        this.#look();
      });
  }

  async #lookNow(): Promise<void> {
    const { registry } = this.#host.directories;
    const sockets = new Set<string>();
    for (const name of await readdir(registry)) {
      const path = join(registry, name);
      if ((await stat(path).catch(() => undefined))?.isSocket()) sockets.add(path);
    }
    for (const path of this.#registered.keys()) if (!sockets.has(path)) await this.#remove(path);
    for (const path of sockets) if (!this.#registered.has(path)) await this.#register(path);
  }

  async #register(socketPath: string): Promise<void> {
    const grpc = new UnixGrpc(socketPath);
    try {
      const { type, name, endpoint } = await grpc.call(registrationService.info, {}, registrationTimeoutMs);
      if (type !== pluginType) return;
      const error = await this.#add(socketPath, name, endpoint || socketPath).then(
        () => '',
        (reason: Error) => reason.message,
      );
      await grpc.call(registrationService.notify, { plugin_registered: error === '', error }, registrationTimeoutMs);
      if (error !== '') this.#host.logger.warn('registering a CSI driver failed', { driver: name, error });
    } catch (error) {
      this.#host.logger.warn('a driver does not answer', { socket: socketPath, error });
    } finally {
      grpc.close();
    }
  }

  async #add(socketPath: string, name: string, endpoint: string): Promise<void> {
    const driver = new CsiDriver(name, endpoint);
    try {
      await addToCsiNode(this.#host, name, await driver.info());
    } catch (error) {
      driver.close();
      throw error;
    }
    this.#registered.set(socketPath, driver);
    this.#host.logger.info('CSI driver registered', { driver: name });
  }

  async #remove(socketPath: string): Promise<void> {
    const driver = this.#registered.get(socketPath);
    this.#registered.delete(socketPath);
    driver?.close();
    if (driver) await removeFromCsiNode(this.#host, driver.name).catch((error: unknown) => this.#host.logger.warn('unregistering a CSI driver failed', { driver: driver.name, error }));
  }
}
