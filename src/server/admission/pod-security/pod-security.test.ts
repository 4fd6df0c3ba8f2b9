import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import type { PodSpec } from '../../../api/types/core-v1.ts';
import { systemClock } from '../../../base/clock.ts';
import { MemoryView } from '../memory-view.testing.ts';
import { admit, asked, pod, refused } from '../rig.testing.ts';
import { PodSecurity } from './pod-security.ts';
import { policyOf, formatStandard } from './policy.ts';
import type { Level } from './policy.ts';
import { describeViolations, violationsOf } from './standards.ts';

function violations(
  level: Level,
  spec: object,
  minor = Infinity,
  annotations: Record<string, string> = {},
): string {
  return describeViolations(violationsOf({ level, minor }, spec as PodSpec, { annotations }));
}

const securityContext = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
};

describe('pod security standards', () => {
  test('a careful pod is restricted, a plain one baseline', () => {
    assert.equal(violations('restricted', { containers: [{ name: 'a', securityContext }] }), '');
    assert.equal(violations('baseline', { containers: [{ name: 'a' }] }), '');
    assert.equal(
      violations('restricted', { containers: [{ name: 'a' }, { name: 'b' }] }),
      'allowPrivilegeEscalation != false (containers "a", "b" must set securityContext.allowPrivilegeEscalation=false), ' +
        'unrestricted capabilities (containers "a", "b" must set securityContext.capabilities.drop=["ALL"]), ' +
        'runAsNonRoot != true (pod or containers "a", "b" must set securityContext.runAsNonRoot=true), ' +
        'seccompProfile (pod or containers "a", "b" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    );
  });

  const one = (context: object) => ({ containers: [{ name: 'a', securityContext: context }] });
  const cases: [title: string, spec: object, text: string][] = [
    [
      'host namespaces',
      { containers: [], hostNetwork: true, hostPID: true },
      'host namespaces (hostNetwork=true, hostPID=true)',
    ],
    [
      'host path',
      { containers: [], volumes: [{ name: 'v', hostPath: { path: '/' } }] },
      'hostPath volumes (volume "v")',
    ],
    [
      'host ports',
      {
        containers: [
          { name: 'a', ports: [{ hostPort: 80 }, { hostPort: 443 }] },
          { name: 'b', ports: [{ hostPort: 80 }] },
        ],
      },
      'hostPort (containers "a", "b" use hostPorts 443, 80)',
    ],
    [
      'probes of other hosts',
      { containers: [{ name: 'a', livenessProbe: { httpGet: { host: '1.2.3.4', port: 1 } } }] },
      'probe or lifecycle host (container "a" uses probe or lifecycle host "1.2.3.4")',
    ],
    [
      'privileged',
      one({ privileged: true }),
      'privileged (container "a" must not set securityContext.privileged=true)',
    ],
    [
      'capabilities',
      one({ capabilities: { add: ['NET_ADMIN', 'CHOWN'] } }),
      'non-default capabilities (container "a" must not include "NET_ADMIN" in securityContext.capabilities.add)',
    ],
    [
      'proc mount',
      one({ procMount: 'Unmasked' }),
      'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    ],
    [
      'SELinux',
      {
        ...one({ seLinuxOptions: { type: 'spc_t', user: 'u' } }),
        securityContext: { seLinuxOptions: { role: 'r' } },
      },
      'seLinuxOptions (pod and container "a" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)',
    ],
    [
      'seccomp',
      { ...one({}), securityContext: { seccompProfile: { type: 'Unconfined' } } },
      'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    [
      'sysctls',
      {
        containers: [],
        securityContext: { sysctls: [{ name: 'kernel.msgmax' }, { name: 'net.ipv4.tcp_rmem' }] },
      },
      'forbidden sysctls (kernel.msgmax)',
    ],
    [
      'AppArmor',
      one({ appArmorProfile: { type: 'Unconfined' } }),
      'forbidden AppArmor profile (container "a" must not set AppArmor profile type to "Unconfined")',
    ],
    [
      'host process',
      one({ windowsOptions: { hostProcess: true } }),
      'hostProcess (container "a" must not set securityContext.windowsOptions.hostProcess=true)',
    ],
  ];
  for (const [title, spec, text] of cases)
    test(title, () => assert.equal(violations('baseline', spec), text));

  test('restricted: volumes, root, silence', () => {
    const spec = {
      containers: [{ name: 'a', securityContext: { ...securityContext, runAsUser: 0 } }],
      volumes: [
        { name: 'v', nfs: {} },
        { name: 'w', hostPath: {} },
      ],
    };
    assert.equal(
      violations('restricted', spec),
      'restricted volume types (volumes "v", "w" use restricted volume types "hostPath", "nfs"), runAsUser=0 (container "a" must not set runAsUser=0)',
    );
  });

  test('versions', () => {
    const sysctl = { containers: [], securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem' }] } };
    assert.equal(violations('baseline', sysctl, 31), 'forbidden sysctls (net.ipv4.tcp_rmem)');
    assert.equal(violations('baseline', sysctl, 32), '');
    assert.equal(
      violations('baseline', { containers: [{ name: 'a' }] }, 10, {
        'seccomp.security.alpha.kubernetes.io/pod': 'unconfined',
      }),
      'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
    );
    const windows = {
      os: { name: 'windows' },
      containers: [{ name: 'a', securityContext: { runAsNonRoot: true } }],
    };
    assert.equal(violations('restricted', windows), '');
    assert.match(violations('restricted', windows, 24), /allowPrivilegeEscalation/);
    const nested = {
      hostUsers: false,
      containers: [
        { name: 'a', securityContext: { ...securityContext, runAsNonRoot: undefined, runAsUser: 0 } },
      ],
    };
    assert.equal(violations('restricted', nested), '');
  });
});

describe('policy labels', () => {
  const labelled = (labels: Record<string, string>) =>
    policyOf(
      Object.fromEntries(
        Object.entries(labels).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]),
      ),
    );

  test('modes and versions', () => {
    const policy = labelled({ enforce: 'baseline', 'enforce-version': 'v1.24', warn: 'restricted' });
    assert.deepEqual(
      [formatStandard(policy.enforce), formatStandard(policy.warn), formatStandard(policy.audit)],
      ['baseline:v1.24', 'restricted:latest', 'privileged:latest'],
    );
    assert.equal(
      formatStandard(labelled({ enforce: 'restricted', 'enforce-version': 'v1.30' }).warn),
      'restricted:v1.30',
    );
  });

  test('bad ones', () => {
    const policy = labelled({ enforce: 'tight', 'warn-version': '1.2' });
    assert.equal(formatStandard(policy.enforce), 'restricted:latest');
    assert.equal(formatStandard(policy.warn), 'privileged:latest');
    assert.deepEqual(
      policy.errors.map(({ field, message }) => `${field}: ${message}`),
      [
        'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "tight": must be one of privileged, baseline, restricted',
        'metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.2": must be "latest" or "v1.x"',
      ],
    );
  });
});

describe('PodSecurity', () => {
  const namespace = (labels: Record<string, string> = {}) => ({
    metadata: {
      name: 'default',
      labels: Object.fromEntries(
        Object.entries(labels).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]),
      ),
    },
  });
  const setUp = (labels: Record<string, string> = {}) => {
    const view = new MemoryView().put('', 'namespaces', namespace(labels));
    return { view, plugin: new PodSecurity(view, systemClock()) };
  };
  const risky = { hostNetwork: true };

  test('refuses pods', async () => {
    const { view, plugin } = setUp({ enforce: 'baseline', 'enforce-version': 'v1.30' });
    await refused(
      plugin,
      asked('pods', pod(risky)),
      'pods "web" is forbidden: violates PodSecurity "baseline:v1.30": host namespaces (hostNetwork=true)',
    );
    await admit(plugin, asked('pods', pod(risky), { old: pod(risky) }));
    await admit(plugin, asked('pods', pod(risky), { subresource: 'status', old: pod(risky) }));
    view.put('', 'namespaces', namespace());
    await admit(plugin, asked('pods', pod(risky)));
  });

  test('warns of what makes pods', async () => {
    const { plugin } = setUp({ enforce: 'baseline' });
    const warnings: string[] = [];
    const deployment = { metadata: { name: 'd', namespace: 'default' }, spec: { template: pod(risky) } };
    await admit(plugin, asked('deployments', deployment, { group: 'apps', warnings }));
    assert.deepEqual(warnings, [
      'would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
    ]);
  });

  test('wants good labels, and tells of pods that are there', async () => {
    const { view, plugin } = setUp();
    await refused(
      plugin,
      asked('namespaces', namespace({ enforce: 'x' })),
      'Namespace "default" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "x": must be one of privileged, baseline, restricted',
      422,
    );
    for (const name of ['b', 'a', 'c']) view.put('', 'pods', pod(risky, { name }));
    const warnings: string[] = [];
    await admit(
      plugin,
      asked('namespaces', namespace({ enforce: 'baseline' }), { old: namespace(), warnings }),
    );
    assert.deepEqual(warnings, [
      'existing pods in namespace "default" violate the new PodSecurity enforce level "baseline:latest"',
      'a (and 2 other pods): host namespaces',
    ]);
  });
});
