/** A CSI driver on this node, by its socket. Every call may be repeated: drivers must take what is done already for done. */
import { nodeCapability, nodeService } from './csi-api.ts';
import type { ExpandRequest, NodeInfo, PublishRequest, StageRequest } from './csi-api.ts';
import { UnixGrpc } from './unix-grpc.ts';

const callTimeoutMs = 120_000;

/** What the driver can do beyond publishing. */
export interface DriverAbilities {
  readonly stages: boolean;
  readonly expands: boolean;
  readonly singleNodeMultiWriter: boolean;
  /** Gives volumes to a group by itself. */
  readonly mountGroup: boolean;
}

export class CsiDriver {
  readonly name: string;
  readonly #grpc: UnixGrpc;
  #abilities: Promise<DriverAbilities> | undefined;

  constructor(name: string, socketPath: string) {
    this.name = name;
    this.#grpc = new UnixGrpc(socketPath);
  }

  info(): Promise<NodeInfo> {
    return this.#grpc.call(nodeService.info, {}, callTimeoutMs);
  }

  /** They are asked for once; a driver that comes back as another one registers anew. */
  abilities(): Promise<DriverAbilities> {
    this.#abilities ??= this.#askAbilities().catch((error: unknown) => {
      this.#abilities = undefined;
      throw error;
    });
    return this.#abilities;
  }

  async stage(request: StageRequest): Promise<void> {
    await this.#grpc.call(nodeService.stage, request, callTimeoutMs);
  }

  async unstage(volumeId: string, stagingPath: string): Promise<void> {
    await this.#grpc.call(nodeService.unstage, { volume_id: volumeId, staging_target_path: stagingPath }, callTimeoutMs);
  }

  async publish(request: PublishRequest): Promise<void> {
    await this.#grpc.call(nodeService.publish, request, callTimeoutMs);
  }

  async unpublish(volumeId: string, targetPath: string): Promise<void> {
    await this.#grpc.call(nodeService.unpublish, { volume_id: volumeId, target_path: targetPath }, callTimeoutMs);
  }

  async expand(request: ExpandRequest): Promise<void> {
    await this.#grpc.call(nodeService.expand, request, callTimeoutMs);
  }

  close(): void {
    this.#grpc.close();
  }

  async #askAbilities(): Promise<DriverAbilities> {
    const { capabilities } = await this.#grpc.call(nodeService.capabilities, {}, callTimeoutMs);
    const types = new Set(capabilities.map(({ rpc }) => rpc?.type));
    return {
      stages: types.has(nodeCapability.stageUnstage),
      expands: types.has(nodeCapability.expand),
      singleNodeMultiWriter: types.has(nodeCapability.singleNodeMultiWriter),
      mountGroup: types.has(nodeCapability.mountGroup),
    };
  }
}
