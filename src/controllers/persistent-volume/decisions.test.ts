import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec, PersistentVolumeSpec } from '../../api/types/core-v1.ts';
import type { StorageClass } from '../../api/types/storage-v1.ts';
import { findMatchingVolume } from '../../api/volume-matching.ts';
import { boundStatus, unboundStatus } from './binding-writes.ts';
import { decideClaim } from './claim-decision.ts';
import { decideReclaiming, decideVolume } from './volume-decision.ts';

const bindCompleted = { 'pv.kubernetes.io/bind-completed': 'yes' };
const selected = { 'volume.kubernetes.io/selected-node': 'n' };

function claim(spec: PersistentVolumeClaimSpec = {}, annotations: Record<string, string> = {}): PersistentVolumeClaim {
  const resources = { requests: { storage: '1Gi' } };
  return { metadata: { name: 'c', namespace: 'ns', uid: 'c-uid', annotations }, spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'manual', resources, ...spec } };
}

function volume(name: string, spec: PersistentVolumeSpec = {}, phase = 'Available'): PersistentVolume {
  return { metadata: { name, annotations: {} }, spec: { accessModes: ['ReadWriteOnce', 'ReadOnlyMany'], storageClassName: 'manual', capacity: { storage: '1Gi' }, ...spec }, status: { phase } };
}

const classes: StorageClass[] = [
  { metadata: { name: 'manual' }, provisioner: 'kubernetes.io/no-provisioner' },
  { metadata: { name: 'made' }, provisioner: 'example.com/x' },
  { metadata: { name: 'late' }, provisioner: 'example.com/x', volumeBindingMode: 'WaitForFirstConsumer' },
];

function decide(of: PersistentVolumeClaim, volumes: PersistentVolume[] = [], more: { defaultClass?: string; pod?: string } = {}) {
  const decision = decideClaim(of, {
    volume: (name) => volumes.find(({ metadata }) => metadata.name === name),
    volumes: () => volumes,
    storageClass: (name) => classes.find(({ metadata }) => metadata.name === name),
    defaultClass: () => more.defaultClass,
    waitingPod: () => more.pod,
  });
  switch (decision.kind) {
    case 'bind':
      return `bind ${decision.volume.metadata.name}`;
    case 'pending':
      return decision.event ? `${decision.event.reason}: ${decision.event.message}` : 'pending';
    case 'lost':
      return `lost: ${decision.event.reason}`;
    case 'provision':
      return `provision by ${decision.storageClass.provisioner}`;
    case 'adopt-class':
      return `adopt ${decision.name}`;
  }
}

const forClaim = { namespace: 'ns', name: 'c' };

test('of several volumes the smallest that will do is taken, and one that is reserved before all', () => {
  const big = volume('big', { capacity: { storage: '5Gi' } });
  const fits = volume('fits', { capacity: { storage: '2Gi' } });
  const small = volume('small', { capacity: { storage: '1Mi' } });
  assert.equal(decide(claim(), [big, small, fits]), 'bind fits');
  assert.equal(decide(claim(), [fits, volume('mine', { capacity: { storage: '9Gi' }, claimRef: forClaim })]), 'bind mine');
  assert.equal(decide(claim(), [volume('other', { claimRef: { namespace: 'ns', name: 'd' } }), big]), 'bind big');
  assert.equal(decide(claim(), [volume('old', { claimRef: { ...forClaim, uid: 'another' } }), big]), 'bind big');
});

test('a volume of another kind will not do', () => {
  const wrong: PersistentVolume[] = [
    volume('class', { storageClassName: 'other' }),
    volume('mode', { volumeMode: 'Block' }),
    volume('access', { accessModes: ['ReadOnlyMany'] }),
    volume('phase', {}, 'Released'),
    { ...volume('going'), metadata: { name: 'going', deletionTimestamp: '2026-01-01T00:00:00Z' } },
  ];
  for (const one of wrong) assert.equal(findMatchingVolume(claim(), [one]), undefined, one.metadata.name ?? '');
  const selecting = claim({ selector: { matchLabels: { tier: 'fast' } } });
  assert.equal(findMatchingVolume(selecting, [volume('plain')]), undefined);
  assert.equal(findMatchingVolume(selecting, [{ ...volume('fast'), metadata: { name: 'fast', labels: { tier: 'fast' } } }])?.metadata.name, 'fast');
  assert.equal(findMatchingVolume(claim(), [volume('far')], { reaches: () => false }), undefined);
});

test('what a claim without a volume waits for', () => {
  assert.equal(decide(claim({ storageClassName: '' })), 'FailedBinding: no persistent volumes available for this claim and no storage class is set');
  assert.equal(decide(claim({ storageClassName: 'nowhere' })), 'ProvisioningFailed: storageclass.storage.k8s.io "nowhere" not found');
  assert.equal(decide(claim()), 'ProvisioningFailed: no volume plugin matched name: kubernetes.io/no-provisioner');
  assert.equal(decide(claim({ storageClassName: 'made' })), 'provision by example.com/x');
  assert.equal(decide(claim({ storageClassName: undefined }), [], { defaultClass: 'made' }), 'adopt made');
  assert.equal(decide(claim({ storageClassName: 'late' })), 'WaitForFirstConsumer: waiting for first consumer to be created before binding');
  assert.equal(decide(claim({ storageClassName: 'late' }), [], { pod: 'p' }), 'WaitForPodScheduled: waiting for pod p to be scheduled');
  assert.equal(decide(claim({ storageClassName: 'late' }, selected)), 'provision by example.com/x');
});

test('a class that waits for a pod gives only what is reserved', () => {
  const free = volume('free', { storageClassName: 'late' });
  assert.match(decide(claim({ storageClassName: 'late' }), [free]), /^WaitForFirstConsumer/);
  assert.equal(decide(claim({ storageClassName: 'late' }), [volume('mine', { storageClassName: 'late', claimRef: forClaim })]), 'bind mine');
});

test('a claim that names its volume gets that one or none', () => {
  const wants = claim({ volumeName: 'v' });
  assert.equal(decide(wants), 'pending');
  assert.equal(decide(wants, [volume('v')]), 'bind v');
  assert.equal(decide(wants, [volume('v', { capacity: { storage: '1Mi' } })]), 'VolumeMismatch: Cannot bind to requested volume "v": requested PV is too small');
  assert.equal(decide(wants, [volume('v', { storageClassName: '' })]), 'VolumeMismatch: Cannot bind to requested volume "v": storageClassName does not match');
  assert.equal(decide(wants, [volume('v', { claimRef: { namespace: 'ns', name: 'd', uid: 'd-uid' } })]), 'FailedBinding: volume "v" already bound to a different claim.');
});

test('a bound claim that misses its volume has lost it', () => {
  const bound = claim({ volumeName: 'v' }, bindCompleted);
  assert.equal(decide(bound, [volume('v', { claimRef: { ...forClaim, uid: 'c-uid' } })]), 'bind v');
  assert.equal(decide(bound, [volume('v')]), 'bind v');
  assert.equal(decide(bound), 'lost: ClaimLost');
  assert.equal(decide(claim({}, bindCompleted)), 'lost: ClaimLost');
  assert.equal(decide(bound, [volume('v', { claimRef: { ...forClaim, uid: 'd-uid' } })]), 'lost: ClaimMisbound');
});

test('what becomes of a volume', () => {
  const ref = { ...forClaim, uid: 'c-uid' };
  const own = volume('v', { claimRef: ref });
  assert.deepEqual(decideVolume(volume('v'), undefined), { kind: 'phase', phase: 'Available' });
  assert.deepEqual(decideVolume(volume('v', { claimRef: forClaim }), undefined), { kind: 'phase', phase: 'Available' });
  assert.deepEqual(decideVolume(own, undefined), { kind: 'reclaim' });
  assert.deepEqual(decideVolume(own, claim({ volumeName: 'v' })), { kind: 'phase', phase: 'Bound' });
  assert.deepEqual(decideVolume(own, claim()), { kind: 'wake-claim' });
  assert.deepEqual(decideVolume(own, claim({ volumeMode: 'Block' })), { kind: 'mode-mismatch' });
  assert.deepEqual(decideVolume(own, claim({ volumeName: 'w' })), { kind: 'forget-uid' });
  const chosen = { ...own, metadata: { name: 'v', annotations: { 'pv.kubernetes.io/bound-by-controller': 'yes' } } };
  assert.deepEqual(decideVolume(chosen, claim({ volumeName: 'w' })), { kind: 'unbind' });
  const made = { metadata: { name: 'v', annotations: { 'pv.kubernetes.io/provisioned-by': 'x' } }, spec: { claimRef: ref, persistentVolumeReclaimPolicy: 'Delete' } };
  assert.deepEqual(decideVolume(made, claim({ volumeName: 'w' })), { kind: 'reclaim' });
});

test('reclaiming: kept, left to whoever made it, or refused', () => {
  assert.equal(decideReclaiming(volume('v', { persistentVolumeReclaimPolicy: 'Retain' })).kind, 'wait');
  assert.equal(decideReclaiming(volume('v', { persistentVolumeReclaimPolicy: 'Delete', csi: { driver: 'd', volumeHandle: 'h' } })).kind, 'wait');
  assert.deepEqual(decideReclaiming(volume('v', { persistentVolumeReclaimPolicy: 'Recycle' })), { kind: 'fail', reason: 'VolumeFailedRecycle', message: 'No recycler plugin found for the volume!' });
  assert.equal(decideReclaiming(volume('v', { persistentVolumeReclaimPolicy: 'Delete', local: { path: '/x' } })).kind, 'fail');
});

test('the status of a claim: capacity is taken over once', () => {
  const fresh = boundStatus({ ...claim(), status: { phase: 'Pending' } }, volume('v', { capacity: { storage: '2Gi' } }));
  assert.deepEqual([fresh.phase, fresh.capacity], ['Bound', { storage: '2Gi' }]);
  const later = boundStatus({ ...claim(), status: fresh }, volume('v', { capacity: { storage: '9Gi' } }));
  assert.deepEqual(later.capacity, { storage: '2Gi' });
  assert.deepEqual(unboundStatus({ ...claim(), status: fresh }, 'Lost'), { phase: 'Lost' });
});
