/** A CSI driver whose volumes are directories below a root: registers as drivers do, stages and publishes by bind mounts, and keeps a record of what it was asked. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { sendUnaryData, ServerUnaryCall, UntypedHandleCall } from '@grpc/grpc-js';
import type { Method } from '../../../../base/grpc-table.ts';
import { nodeCapability, nodeService, registrationService } from '../csi/csi-api.ts';
import type { PublishRequest, StageRequest } from '../csi/csi-api.ts';
import { mount, mountedAt, unmount } from '../mounts.ts';

export interface DirectoryDriver {
  /** `NodePublishVolume <volume>`, in order. */
  readonly calls: string[];
  /** The latest, of each volume. */
  readonly published: Map<string, PublishRequest>;
  /** What the kubelet said of the registration. */
  readonly notified: { plugin_registered: boolean; error: string }[];
  /** Makes the call fail while it is set. */
  fails: string | undefined;
  stop(): void;
}

export interface DirectoryDriverOptions {
  readonly name: string;
  readonly root: string;
  /** The kubelet's registration directory. */
  readonly registry: string;
  readonly nodeId: string;
}

export async function startDirectoryDriver({ name, root, registry, nodeId }: DirectoryDriverOptions): Promise<DirectoryDriver> {
  await mkdir(root, { recursive: true });
  await mkdir(registry, { recursive: true });
  const server = new Server();
  const driver: DirectoryDriver = { calls: [], published: new Map(), notified: [], fails: undefined, stop: () => server.forceShutdown() };

  const answer = <Request, Response>(method: Method<Request, Response>, work: (request: Request) => Promise<Response> | Response): UntypedHandleCall => {
    const called = method.path.split('/').at(-1) ?? '';
    return async (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) => {
      const { volume_id: volume } = call.request as { volume_id?: string };
      if (volume !== undefined) driver.calls.push(`${called} ${volume}`);
      try {
        if (driver.fails === called) throw new Error('broken on purpose');
        callback(null, await work(call.request));
      } catch (error) {
        callback({ code: status.INTERNAL, details: (error as Error).message });
      }
    };
  };
  const bindOnce = async (source: string, target: string) => {
    await mkdir(target, { recursive: true });
    if (!(await mountedAt(target))) await mount({ source, target, options: ['bind'] });
  };
  const unbind = async (target: string) => {
    if (await mountedAt(target)) await unmount(target);
  };
  const directoryOf = async (volume: string) => {
    const directory = join(root, volume);
    await mkdir(directory, { recursive: true });
    return directory;
  };

  server.addService(nodeService, {
    info: answer(nodeService.info, () => ({ node_id: nodeId, max_volumes_per_node: 7, accessible_topology: { segments: { 'topology.example.com/node': nodeId } } })),
    capabilities: answer(nodeService.capabilities, () => ({ capabilities: [nodeCapability.stageUnstage, nodeCapability.expand].map((type) => ({ rpc: { type } })) })),
    stage: answer(nodeService.stage, async (request: StageRequest) => {
      await bindOnce(await directoryOf(request.volume_id), request.staging_target_path);
      return {};
    }),
    unstage: answer(nodeService.unstage, async ({ staging_target_path }) => {
      await unbind(staging_target_path);
      return {};
    }),
    publish: answer(nodeService.publish, async (request: PublishRequest) => {
      driver.published.set(request.volume_id, request);
      await bindOnce(request.staging_target_path || (await directoryOf(request.volume_id)), request.target_path);
      return {};
    }),
    unpublish: answer(nodeService.unpublish, async ({ target_path }) => {
      await unbind(target_path);
      await rm(target_path, { recursive: true, force: true });
      return {};
    }),
    expand: answer(nodeService.expand, ({ capacity_range }) => ({ capacity_bytes: capacity_range.required_bytes })),
  });
  const socket = join(registry, `${name}-reg.sock`);
  server.addService(registrationService, {
    info: answer(registrationService.info, () => ({ type: 'CSIPlugin', name, endpoint: socket, supported_versions: ['1.0.0'] })),
    notify: answer(registrationService.notify, (told) => {
      driver.notified.push({ ...told });
      return {};
    }),
  });
  await new Promise<void>((resolve, reject) => server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())));
  return driver;
}
