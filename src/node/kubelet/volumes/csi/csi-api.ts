/** The parts of CSI (csi.v1) and of the plugin registration API that a kubelet uses, as messages on the wire. */
import { grpcMethods } from '../../../../base/grpc-table.ts';

const csi = grpcMethods({
  package: 'csi.v1',
  longs: Number,
  messages: {
    Empty: {},
    VolumeCapability: { block: ['Empty', 1], mount: ['MountVolume', 2], access_mode: ['AccessMode', 3] },
    MountVolume: { fs_type: ['string', 1], mount_flags: ['string', 2, 'repeated'], volume_mount_group: ['string', 3] },
    AccessMode: { mode: ['int32', 1] },
    CapacityRange: { required_bytes: ['int64', 1], limit_bytes: ['int64', 2] },
    NodeStageVolumeRequest: {
      volume_id: ['string', 1],
      publish_context: ['string', 2, 'map'],
      staging_target_path: ['string', 3],
      volume_capability: ['VolumeCapability', 4],
      secrets: ['string', 5, 'map'],
      volume_context: ['string', 6, 'map'],
    },
    NodeUnstageVolumeRequest: { volume_id: ['string', 1], staging_target_path: ['string', 2] },
    NodePublishVolumeRequest: {
      volume_id: ['string', 1],
      publish_context: ['string', 2, 'map'],
      staging_target_path: ['string', 3],
      target_path: ['string', 4],
      volume_capability: ['VolumeCapability', 5],
      readonly: ['bool', 6],
      secrets: ['string', 7, 'map'],
      volume_context: ['string', 8, 'map'],
    },
    NodeUnpublishVolumeRequest: { volume_id: ['string', 1], target_path: ['string', 2] },
    NodeExpandVolumeRequest: {
      volume_id: ['string', 1],
      volume_path: ['string', 2],
      capacity_range: ['CapacityRange', 3],
      staging_target_path: ['string', 4],
      volume_capability: ['VolumeCapability', 5],
      secrets: ['string', 6, 'map'],
    },
    NodeExpandVolumeResponse: { capacity_bytes: ['int64', 1] },
    NodeGetCapabilitiesResponse: { capabilities: ['NodeServiceCapability', 1, 'repeated'] },
    NodeServiceCapability: { rpc: ['NodeServiceRpc', 1] },
    NodeServiceRpc: { type: ['int32', 1] },
    NodeGetInfoResponse: { node_id: ['string', 1], max_volumes_per_node: ['int64', 2], accessible_topology: ['Topology', 3] },
    Topology: { segments: ['string', 1, 'map'] },
  },
  services: {
    Node: {
      NodeStageVolume: ['NodeStageVolumeRequest', 'Empty'],
      NodeUnstageVolume: ['NodeUnstageVolumeRequest', 'Empty'],
      NodePublishVolume: ['NodePublishVolumeRequest', 'Empty'],
      NodeUnpublishVolume: ['NodeUnpublishVolumeRequest', 'Empty'],
      NodeExpandVolume: ['NodeExpandVolumeRequest', 'NodeExpandVolumeResponse'],
      NodeGetCapabilities: ['Empty', 'NodeGetCapabilitiesResponse'],
      NodeGetInfo: ['Empty', 'NodeGetInfoResponse'],
    },
  },
});

const registration = grpcMethods({
  package: 'pluginregistration',
  longs: Number,
  messages: {
    Empty: {},
    PluginInfo: { type: ['string', 1], name: ['string', 2], endpoint: ['string', 3], supported_versions: ['string', 4, 'repeated'] },
    RegistrationStatus: { plugin_registered: ['bool', 1], error: ['string', 2] },
  },
  services: { Registration: { GetInfo: ['Empty', 'PluginInfo'], NotifyRegistrationStatus: ['RegistrationStatus', 'Empty'] } },
});

export type Empty = Readonly<Record<string, never>>;
type Pairs = Readonly<Record<string, string>>;

export interface VolumeCapability {
  readonly block?: Empty;
  readonly mount?: { readonly fs_type: string; readonly mount_flags: readonly string[]; readonly volume_mount_group: string };
  readonly access_mode: { readonly mode: number };
}

export interface StageRequest {
  readonly volume_id: string;
  readonly publish_context: Pairs;
  readonly staging_target_path: string;
  readonly volume_capability: VolumeCapability;
  readonly secrets: Pairs;
  readonly volume_context: Pairs;
}

export interface PublishRequest extends StageRequest {
  readonly target_path: string;
  readonly readonly: boolean;
}

export interface ExpandRequest {
  readonly volume_id: string;
  readonly volume_path: string;
  readonly staging_target_path: string;
  readonly capacity_range: { readonly required_bytes: number };
  readonly volume_capability: VolumeCapability;
}

export interface NodeInfo {
  readonly node_id: string;
  /** 0: no limit that is known. */
  readonly max_volumes_per_node: number;
  readonly accessible_topology: { readonly segments: Pairs } | null;
}

export interface PluginInfo {
  /** `CSIPlugin` and others. */
  readonly type: string;
  readonly name: string;
  /** The driver's own socket; empty where it is the one that was asked. */
  readonly endpoint: string;
  readonly supported_versions: readonly string[];
}

export const nodeService = {
  stage: csi<StageRequest, Empty>('Node', 'NodeStageVolume'),
  unstage: csi<{ readonly volume_id: string; readonly staging_target_path: string }, Empty>('Node', 'NodeUnstageVolume'),
  publish: csi<PublishRequest, Empty>('Node', 'NodePublishVolume'),
  unpublish: csi<{ readonly volume_id: string; readonly target_path: string }, Empty>('Node', 'NodeUnpublishVolume'),
  expand: csi<ExpandRequest, { readonly capacity_bytes: number }>('Node', 'NodeExpandVolume'),
  capabilities: csi<Empty, { readonly capabilities: readonly { readonly rpc: { readonly type: number } | null }[] }>('Node', 'NodeGetCapabilities'),
  info: csi<Empty, NodeInfo>('Node', 'NodeGetInfo'),
};

export const registrationService = {
  info: registration<Empty, PluginInfo>('Registration', 'GetInfo'),
  notify: registration<{ readonly plugin_registered: boolean; readonly error: string }, Empty>('Registration', 'NotifyRegistrationStatus'),
};

export const nodeCapability = { stageUnstage: 1, expand: 3, singleNodeMultiWriter: 5, mountGroup: 6 } as const;
