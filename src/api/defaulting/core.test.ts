import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../object.ts';
import { pullPolicyOf } from './core-parts.ts';
import { applyDefaults } from './defaulters.ts';

function defaulted(kind: string, object: Record<string, unknown>): Record<string, unknown> {
  applyDefaults('', 'v1', kind, object as KubeObject);
  return object;
}

describe('pods', () => {
  test('the least that a client can send', () => {
    assert.deepEqual(defaulted('Pod', { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'nginx' }] } })['spec'], {
      containers: [
        {
          name: 'c',
          image: 'nginx',
          imagePullPolicy: 'Always',
          resources: {},
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
        },
      ],
      dnsPolicy: 'ClusterFirst',
      enableServiceLinks: true,
      restartPolicy: 'Always',
      schedulerName: 'default-scheduler',
      securityContext: {},
      terminationGracePeriodSeconds: 30,
    });
  });

  test('requests follow limits, in pods but not in templates', () => {
    const limits = { cpu: '1' };
    const containers = () => [{ name: 'c', image: 'x', resources: { limits } }];
    const pod = defaulted('Pod', { metadata: {}, spec: { containers: containers() } }) as { spec: { containers: { resources: object }[] } };
    assert.deepEqual(pod.spec.containers[0]!.resources, { limits, requests: { cpu: '1' } });
    const template = defaulted('PodTemplate', { metadata: {}, template: { spec: { containers: containers() } } }) as {
      template: { spec: { containers: { resources: object }[]; enableServiceLinks?: boolean } };
    };
    assert.deepEqual(template.template.spec.containers[0]!.resources, { limits });
    assert.equal(template.template.spec.enableServiceLinks, undefined);
  });

  test('defaulting twice changes nothing', () => {
    const pod = defaulted('Pod', {
      metadata: {},
      spec: {
        hostNetwork: true,
        containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80 }], livenessProbe: { httpGet: { port: 80 } } }],
        volumes: [{ name: 'a' }, { name: 'b', configMap: { name: 'm' } }, { name: 'c', hostPath: { path: '/' } }],
      },
    });
    const once = structuredClone(pod);
    assert.deepEqual(defaulted('Pod', pod), once);
  });

  const images = { nginx: 'Always', 'a:latest': 'Always', 'a:1': 'IfNotPresent', 'r.io:5000/a': 'Always', 'r.io:5000/a:1': 'IfNotPresent', Nginx: 'IfNotPresent' };
  for (const [image, policy] of Object.entries(images)) test(`${image} is pulled ${policy}`, () => assert.equal(pullPolicyOf(image), policy));
  test('a digest names one image for ever', () => assert.equal(pullPolicyOf(`a@sha256:${'0'.repeat(64)}`), 'IfNotPresent'));
});

test('a replication controller takes selector and labels from its template', () => {
  const controller = defaulted('ReplicationController', {
    metadata: { name: 'r' },
    spec: { template: { metadata: { labels: { a: 'b' } }, spec: { containers: [] } } },
  }) as { metadata: { labels: object }; spec: { selector: object; replicas: number } };
  assert.deepEqual([controller.metadata.labels, controller.spec.selector, controller.spec.replicas], [{ a: 'b' }, { a: 'b' }, 1]);
});

test('services', () => {
  assert.deepEqual(defaulted('Service', { metadata: {}, spec: { ports: [{ port: 80 }] } }), {
    metadata: {},
    spec: {
      internalTrafficPolicy: 'Cluster',
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
      sessionAffinity: 'None',
      type: 'ClusterIP',
    },
    status: { loadBalancer: {} },
  });
});

test('limits of containers fill each other in', () => {
  const range = defaulted('LimitRange', { metadata: {}, spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { memory: '1' } }] } });
  assert.deepEqual((range['spec'] as { limits: object[] }).limits[0], {
    type: 'Container',
    max: { cpu: '2' },
    min: { memory: '1' },
    default: { cpu: '2' },
    defaultRequest: { cpu: '2', memory: '1' },
  });
});
