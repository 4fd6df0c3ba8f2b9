import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { CertificateApproval, CertificateSigning, CertificateSubjectRestriction } from './certificates.ts';
import { MemoryView } from './memory-view.testing.ts';
import { admit, asked, refused } from './rig.testing.ts';
import {
  DefaultIngressClass,
  DefaultStorageClass,
  PersistentVolumeClaimResize,
  storageObjectInUseProtection,
} from './storage-plugins.ts';

const claim = (spec: object = {}, status: object = {}) => ({
  metadata: { name: 'data', namespace: 'default' },
  spec,
  status,
});

describe('default classes', () => {
  const marked = (name: string, key: string, creationTimestamp: string) => ({
    metadata: { name, creationTimestamp, annotations: { [key]: 'true' } },
  });

  test('the newest default storage class', async () => {
    const key = 'storageclass.kubernetes.io/is-default-class';
    const view = new MemoryView()
      .put('storage.k8s.io', 'storageclasses', marked('old', key, '2020-01-01T00:00:00Z'))
      .put('storage.k8s.io', 'storageclasses', marked('new-b', key, '2021-01-01T00:00:00Z'))
      .put('storage.k8s.io', 'storageclasses', marked('new-a', key, '2021-01-01T00:00:00Z'));
    const plugin = new DefaultStorageClass(view);
    assert.deepEqual((await admit(plugin, asked('persistentvolumeclaims', claim())))['spec'], {
      storageClassName: 'new-a',
    });
    assert.deepEqual(
      (await admit(plugin, asked('persistentvolumeclaims', claim({ storageClassName: '' }))))['spec'],
      { storageClassName: '' },
    );
    view.remove('storage.k8s.io', 'storageclasses', '', 'new-a');
    assert.deepEqual((await admit(plugin, asked('persistentvolumeclaims', claim())))['spec'], {
      storageClassName: 'new-b',
    });
  });

  test('ingress class', async () => {
    const group = 'networking.k8s.io';
    const view = new MemoryView().put(
      group,
      'ingressclasses',
      marked('nginx', 'ingressclass.kubernetes.io/is-default-class', ''),
    );
    const ingress = (annotations: object = {}) => ({
      metadata: { name: 'i', namespace: 'default', annotations: { ...annotations } },
      spec: {},
    });
    const plugin = new DefaultIngressClass(view);
    assert.deepEqual((await admit(plugin, asked('ingresses', ingress(), { group })))['spec'], {
      ingressClassName: 'nginx',
    });
    assert.deepEqual(
      (await admit(plugin, asked('ingresses', ingress({ 'kubernetes.io/ingress.class': 'x' }), { group })))[
        'spec'
      ],
      {},
    );
  });
});

describe('storage objects', () => {
  test('are protected while in use', async () => {
    const admitted = await admit(storageObjectInUseProtection, asked('persistentvolumeclaims', claim()));
    assert.deepEqual(admitted.metadata.finalizers, ['kubernetes.io/pvc-protection']);
  });

  test('grow only bound and where the class allows it', async () => {
    const sized = (storage: string, phase = 'Bound') =>
      claim({ storageClassName: 'gold', resources: { requests: { storage } } }, { phase });
    const view = new MemoryView().put('storage.k8s.io', 'storageclasses', { metadata: { name: 'gold' } });
    const plugin = new PersistentVolumeClaimResize(view);
    await admit(plugin, asked('persistentvolumeclaims', sized('1Gi'), { old: sized('1024Mi', 'Pending') }));
    await refused(
      plugin,
      asked('persistentvolumeclaims', sized('2Gi'), { old: sized('1Gi', 'Pending') }),
      'persistentvolumeclaims "data" is forbidden: Only bound persistent volume claims can be expanded',
    );
    await refused(
      plugin,
      asked('persistentvolumeclaims', sized('2Gi'), { old: sized('1Gi') }),
      'persistentvolumeclaims "data" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    );
    view.put('storage.k8s.io', 'storageclasses', { metadata: { name: 'gold' }, allowVolumeExpansion: true });
    await admit(plugin, asked('persistentvolumeclaims', sized('2Gi'), { old: sized('1Gi') }));
  });
});

describe('certificate requests', () => {
  const group = 'certificates.k8s.io';
  const csr = (signerName: string, status: object = {}) => ({
    metadata: { name: 'c' },
    spec: { signerName, request: '' },
    status,
  });
  const permits = (...names: string[]) => ({
    authorize: ({ name }: { name: string }) =>
      ({ decision: names.includes(name) ? 'allow' : 'no-opinion', reason: '' }) as const,
  });

  test('are approved by who may, by signer or domain', async () => {
    const approval = (signer: string) =>
      asked('certificatesigningrequests', csr(signer), { group, subresource: 'approval', old: csr(signer) });
    const plugin = new CertificateApproval(permits('example.com/a', 'kubernetes.io/*'));
    await admit(plugin, approval('example.com/a'));
    await admit(plugin, approval('kubernetes.io/kubelet-serving'));
    await refused(
      plugin,
      approval('example.com/b'),
      'certificatesigningrequests.certificates.k8s.io "c" is forbidden: user not permitted to approve requests with signerName "example.com/b"',
    );
  });

  test('are signed by who may', async () => {
    const signing = (status: object) =>
      asked('certificatesigningrequests', csr('example.com/a', status), {
        group,
        subresource: 'status',
        old: csr('example.com/a'),
      });
    await admit(new CertificateSigning(permits()), signing({}));
    await refused(
      new CertificateSigning(permits()),
      signing({ certificate: 'abc' }),
      'certificatesigningrequests.certificates.k8s.io "c" is forbidden: user not permitted to sign requests with signerName "example.com/a"',
    );
  });

  test('never for system:masters', async () => {
    const plugin = new CertificateSubjectRestriction(() => ({
      commonName: 'x',
      organizations: ['system:masters'],
    }));
    await refused(
      plugin,
      asked('certificatesigningrequests', csr('kubernetes.io/kube-apiserver-client'), { group }),
      'certificatesigningrequests.certificates.k8s.io "c" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
    );
    await admit(plugin, asked('certificatesigningrequests', csr('example.com/a'), { group }));
  });
});
