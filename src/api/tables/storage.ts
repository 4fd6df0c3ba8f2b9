/** Volumes, claims, classes and CSI. */
import type { PersistentVolume, PersistentVolumeClaim } from '../types/core-v1.ts';
import type { ObjectMeta } from '../types/meta-v1.ts';
import type {
  CSIDriver,
  CSINode,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from '../types/storage-v1.ts';
import { quantityCell } from './cells.ts';
import { since } from './elapsed.ts';
import { ageColumn, boolean, integer, nameColumn, table, text, wide, type Tables } from './table.ts';

const defaultClassAnnotations = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];
const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

/** In the order in which they are shown. */
const accessModeTexts: readonly [mode: string, text: string][] = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
];

function accessModesCell(modes: readonly string[] | undefined): string {
  return accessModeTexts
    .filter(([mode]) => modes?.includes(mode))
    .map(([, shown]) => shown)
    .join(',');
}

/** The annotation is older than the field and wins. */
function classCell({ annotations }: ObjectMeta, field: string | undefined): string {
  return annotations?.[classAnnotation] ?? field ?? '';
}

function phaseCell({ deletionTimestamp }: ObjectMeta, phase: string | undefined): string {
  return deletionTimestamp ? 'Terminating' : (phase ?? '');
}

const volumes: Tables = {
  '/PersistentVolume': table<PersistentVolume>(
    [
      nameColumn,
      text('Capacity', 'Size of the volume'),
      text('Access Modes', 'Ways in which it can be mounted'),
      text('Reclaim Policy', 'What happens to it when its claim is gone'),
      text('Status', 'State of the volume'),
      text('Claim', 'Claim that it is bound to'),
      text('StorageClass', 'Class of the volume'),
      text('VolumeAttributesClass', 'Attributes class of the volume'),
      text('Reason', 'Why it is in this state'),
      ageColumn,
      wide('VolumeMode', 'Filesystem or Block'),
    ],
    ({ metadata, spec, status }, now) => [
      metadata.name ?? '',
      quantityCell(spec?.capacity?.['storage']),
      accessModesCell(spec?.accessModes),
      spec?.persistentVolumeReclaimPolicy ?? '',
      phaseCell(metadata, status?.phase),
      spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : '',
      classCell(metadata, spec?.storageClassName),
      spec?.volumeAttributesClassName ?? '<unset>',
      status?.reason ?? '',
      since(metadata.creationTimestamp, now),
      spec?.volumeMode ?? '<unset>',
    ],
  ),
  '/PersistentVolumeClaim': table<PersistentVolumeClaim>(
    [
      nameColumn,
      text('Status', 'State of the claim'),
      text('Volume', 'Volume that it is bound to'),
      text('Capacity', 'Size of the volume'),
      text('Access Modes', 'Ways in which the volume can be mounted'),
      text('StorageClass', 'Class that is asked for'),
      text('VolumeAttributesClass', 'Attributes class that is asked for'),
      ageColumn,
      wide('VolumeMode', 'Filesystem or Block'),
    ],
    ({ metadata, spec, status }, now) => [
      metadata.name ?? '',
      phaseCell(metadata, status?.phase),
      spec?.volumeName ?? '',
      spec?.volumeName ? quantityCell(status?.capacity?.['storage']) : '',
      spec?.volumeName ? accessModesCell(status?.accessModes) : '',
      classCell(metadata, spec?.storageClassName),
      spec?.volumeAttributesClassName ?? '<unset>',
      since(metadata.creationTimestamp, now),
      spec?.volumeMode ?? '<unset>',
    ],
  ),
};

const classes: Tables = {
  'storage.k8s.io/StorageClass': table<StorageClass>(
    [
      nameColumn,
      text('Provisioner', 'Who makes the volumes'),
      text('ReclaimPolicy', 'What happens to a volume when its claim is gone'),
      text('VolumeBindingMode', 'When claims are bound'),
      text('AllowVolumeExpansion', 'Whether claims may grow'),
      ageColumn,
    ],
    (object, now) => {
      const { metadata } = object;
      const isDefault = defaultClassAnnotations.some((key) => metadata.annotations?.[key] === 'true');
      return [
        `${metadata.name ?? ''}${isDefault ? ' (default)' : ''}`,
        object.provisioner ?? '',
        object.reclaimPolicy ?? 'Delete',
        object.volumeBindingMode ?? 'Immediate',
        object.allowVolumeExpansion ?? false,
        since(metadata.creationTimestamp, now),
      ];
    },
  ),
  'storage.k8s.io/VolumeAttributesClass': table<VolumeAttributesClass>(
    [nameColumn, text('DriverName', 'CSI driver of the class'), ageColumn],
    ({ metadata, driverName }, now) => [
      metadata.name ?? '',
      driverName ?? '',
      since(metadata.creationTimestamp, now),
    ],
  ),
  'storage.k8s.io/VolumeAttachment': table<VolumeAttachment>(
    [
      nameColumn,
      { ...text('Attacher', 'Who attaches the volume'), format: 'name' },
      text('PV', 'Volume that is attached'),
      text('Node', 'Node that it is attached to'),
      boolean('Attached', 'Whether it is attached'),
      ageColumn,
    ],
    ({ metadata, spec, status }, now) => [
      metadata.name ?? '',
      spec?.attacher ?? '',
      spec?.source?.persistentVolumeName ?? '',
      spec?.nodeName ?? '',
      status?.attached ?? false,
      since(metadata.creationTimestamp, now),
    ],
  ),
};

// CSIStorageCapacity is not here: upstream serves it with the default columns.
const csi: Tables = {
  'storage.k8s.io/CSINode': table<CSINode>(
    [nameColumn, integer('Drivers', 'How many CSI drivers the node has'), ageColumn],
    ({ metadata, spec }, now) => [
      metadata.name ?? '',
      spec?.drivers?.length ?? 0,
      since(metadata.creationTimestamp, now),
    ],
  ),
  'storage.k8s.io/CSIDriver': table<CSIDriver>(
    [
      nameColumn,
      boolean('AttachRequired', 'Whether volumes are attached before they are mounted'),
      boolean('PodInfoOnMount', 'Whether the driver is told of the pod'),
      boolean('StorageCapacity', 'Whether the scheduler asks for free capacity'),
      text('TokenRequests', 'Audiences of the tokens that the driver is given'),
      boolean('RequiresRepublish', 'Whether mounted volumes are published again and again'),
      text('Modes', 'Life cycles of the volumes'),
      ageColumn,
    ],
    ({ metadata, spec }, now) => [
      metadata.name ?? '',
      spec?.attachRequired ?? true,
      spec?.podInfoOnMount ?? false,
      spec?.storageCapacity ?? false,
      spec?.tokenRequests ? spec.tokenRequests.map(({ audience }) => audience).join(',') : '<unset>',
      spec?.requiresRepublish ?? false,
      (spec?.volumeLifecycleModes ?? []).join(',') || '<none>',
      since(metadata.creationTimestamp, now),
    ],
  ),
};

export const storageTables: Tables = { ...volumes, ...classes, ...csi };
