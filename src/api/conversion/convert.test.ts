import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError } from '../errors.ts';
import { convert, convertsStructure } from './convert.ts';
import { coreEventFieldLabel } from './event.ts';
import { applyScale, scaleOf } from './scale.ts';

const autoscaler = (version: string) => ({ group: 'autoscaling', version, kind: 'HorizontalPodAutoscaler' });
const coreEvent = { group: '', version: 'v1', kind: 'Event' };
const newEvent = { group: 'events.k8s.io', version: 'v1', kind: 'Event' };

const v2 = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'h', annotations: { keep: 'me' } },
  spec: {
    minReplicas: 1,
    maxReplicas: 4,
    scaleTargetRef: { kind: 'Deployment', name: 'n', apiVersion: 'apps/v1' },
    behavior: {
      scaleDown: {
        stabilizationWindowSeconds: 3,
        selectPolicy: 'Max',
        policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
        tolerance: '100m',
      },
    },
    metrics: [
      {
        type: 'Object',
        object: {
          metric: { name: 'x' },
          target: { type: 'AverageValue', averageValue: '10' },
          describedObject: { kind: 'k', name: 'n', apiVersion: 'v1' },
        },
      },
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } },
      },
    ],
  },
  status: {
    currentReplicas: 1,
    desiredReplicas: 2,
    currentMetrics: [
      {
        type: 'Resource',
        resource: { name: 'cpu', current: { averageUtilization: 20, averageValue: '10m' } },
      },
    ],
    conditions: [
      {
        type: 'AbleToScale',
        status: 'True',
        lastTransitionTime: '2026-01-01T00:00:00Z',
        reason: 'R',
        message: 'm <&>',
      },
    ],
  },
};

describe('autoscalers', () => {
  // The texts of the annotations are upstream's, byte for byte.
  test('what version 1 has no field for is in annotations', () => {
    assert.deepEqual(convert(v2, autoscaler('v2'), autoscaler('v1')), {
      apiVersion: 'autoscaling/v1',
      kind: 'HorizontalPodAutoscaler',
      metadata: {
        name: 'h',
        annotations: {
          keep: 'me',
          'autoscaling.alpha.kubernetes.io/metrics':
            '[{"type":"Object","object":{"target":{"kind":"k","name":"n","apiVersion":"v1"},"metricName":"x","targetValue":"0","averageValue":"10"}}]',
          'autoscaling.alpha.kubernetes.io/behavior':
            '{"ScaleUp":null,"ScaleDown":{"StabilizationWindowSeconds":3,"SelectPolicy":"Max","Policies":[{"Type":"Percent","Value":100,"PeriodSeconds":15}],"Tolerance":"100m"}}',
          'autoscaling.alpha.kubernetes.io/current-metrics':
            '[{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":20,"currentAverageValue":"10m"}}]',
          'autoscaling.alpha.kubernetes.io/conditions':
            '[{"type":"AbleToScale","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z","reason":"R","message":"m \\u003c\\u0026\\u003e"}]',
        },
      },
      spec: {
        minReplicas: 1,
        maxReplicas: 4,
        scaleTargetRef: { kind: 'Deployment', name: 'n', apiVersion: 'apps/v1' },
        targetCPUUtilizationPercentage: 50,
      },
      status: { currentReplicas: 1, desiredReplicas: 2, currentCPUUtilizationPercentage: 20 },
    });
  });

  test('and comes back', () => {
    const back = convert(convert(v2, autoscaler('v2'), autoscaler('v1')), autoscaler('v1'), autoscaler('v2'));
    assert.deepEqual(back, v2);
  });

  test('version 1 without a metric means 80% of the CPU', () => {
    const v1 = {
      apiVersion: 'autoscaling/v1',
      kind: 'HorizontalPodAutoscaler',
      metadata: {},
      spec: { maxReplicas: 2 },
    };
    const { spec } = convert(v1, autoscaler('v1'), autoscaler('v2'));
    assert.deepEqual((spec as { metrics: unknown }).metrics, [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
      },
    ]);
  });

  test('annotations that are no JSON are dropped', () => {
    const annotations = {
      'autoscaling.alpha.kubernetes.io/metrics': '[{',
      'autoscaling.alpha.kubernetes.io/behavior': '5',
      'autoscaling.alpha.kubernetes.io/conditions': '{"a":1}',
      'autoscaling.alpha.kubernetes.io/current-metrics': '[null]',
    };
    const converted = convert(
      { metadata: { annotations }, spec: { maxReplicas: 2 } },
      autoscaler('v1'),
      autoscaler('v2'),
    );
    assert.deepEqual(converted.metadata, {});
    assert.equal(converted['status'], undefined);
  });
});

describe('events', () => {
  const core = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'e' },
    involvedObject: { kind: 'Pod' },
    message: 'm',
    source: { component: 'c' },
    firstTimestamp: '2026-01-01T00:00:00Z',
    count: 2,
    reportingComponent: 'r',
    reason: 'R',
  };
  const event = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: 'e' },
    regarding: { kind: 'Pod' },
    note: 'm',
    deprecatedSource: { component: 'c' },
    deprecatedFirstTimestamp: '2026-01-01T00:00:00Z',
    deprecatedCount: 2,
    reportingController: 'r',
    reason: 'R',
  };

  test('fields have other names in each group', () => {
    assert.deepEqual(convert(core, coreEvent, newEvent), {
      ...event,
      deprecatedLastTimestamp: null,
      eventTime: null,
    });
    assert.deepEqual(convert(event, newEvent, coreEvent), core);
  });

  test('so have the fields of selectors', () => {
    assert.equal(coreEventFieldLabel('regarding.kind'), 'involvedObject.kind');
    assert.equal(coreEventFieldLabel('reportingController'), 'reportingComponent');
    assert.equal(coreEventFieldLabel('note'), undefined);
  });
});

describe('other kinds', () => {
  const beta = { group: 'networking.k8s.io', version: 'v1beta1', kind: 'IPAddress' };
  const stable = { ...beta, version: 'v1' };

  test('only the apiVersion is renamed, and the given object stays as it was', () => {
    const given = { apiVersion: 'networking.k8s.io/v1', kind: 'IPAddress', metadata: {}, spec: { a: 1 } };
    assert.deepEqual(convert(given, stable, beta), { ...given, apiVersion: 'networking.k8s.io/v1beta1' });
    assert.equal(given.apiVersion, 'networking.k8s.io/v1');
    assert.equal(convertsStructure(stable, beta), false);
    assert.equal(convertsStructure(coreEvent, newEvent), true);
  });
});

describe('scale', () => {
  const metadata = {
    name: 'web',
    namespace: 'default',
    uid: 'u',
    resourceVersion: '7',
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...metadata, labels: { a: 'b' } },
    spec: {
      replicas: 3,
      selector: {
        matchLabels: { b: '1', a: '2' },
        matchExpressions: [{ key: 'c', operator: 'In', values: ['z', 'y'] }],
      },
    },
    status: { replicas: 2 },
  };

  test('of a deployment', () => {
    assert.deepEqual(scaleOf(deployment), {
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata,
      spec: { replicas: 3 },
      status: { replicas: 2, selector: 'a=2,b=1,c in (y,z)' },
    });
  });

  test('of a replication controller, whose selector is plain labels; zero is left out', () => {
    const controller = {
      kind: 'ReplicationController',
      metadata,
      spec: { replicas: 0, selector: { app: 'x' } },
    };
    assert.deepEqual(scaleOf(controller).spec, {});
    assert.deepEqual(scaleOf(controller).status, { replicas: 0, selector: 'app=x' });
  });

  test('sets the number, and the revision that the client read', () => {
    const scale = { ...scaleOf(deployment), spec: { replicas: 5 } };
    const scaled = applyScale(
      { ...deployment, metadata: { ...deployment.metadata, resourceVersion: '9' } },
      scale,
    );
    assert.equal(scaled.spec.replicas, 5);
    assert.equal(scaled.metadata.resourceVersion, '7');
    assert.equal(applyScale(deployment, { metadata: {}, spec: {} }).metadata.resourceVersion, undefined);
    assert.equal(deployment.spec.replicas, 3);
  });

  test('refuses a scale of an object that was replaced', () => {
    const scale = { ...scaleOf(deployment), metadata: { uid: 'other' } };
    assert.throws(
      () => applyScale(deployment, scale),
      (error) =>
        error instanceof ApiError &&
        error.message ===
          'Operation cannot be fulfilled on deployments/scale.apps "web": Precondition failed: UID in precondition: other, UID in object meta: u',
    );
  });
});
