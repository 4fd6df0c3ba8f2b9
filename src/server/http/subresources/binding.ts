import * as errors from '../../../api/errors.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { Binding, Pod, PodCondition } from '../../../api/types/core-v1.ts';
import { formatTime } from '../../../base/clock.ts';
import { subjectOf } from '../../registry/registry.ts';
import { changeContextOf, type ResourceCall } from '../call.ts';
import { decodeAs, matchPath } from '../decode-body.ts';
import { writeOptionsOf } from '../request-options.ts';
import { sendStatus } from '../respond.ts';

const bindingKind = { group: '', version: 'v1', kind: 'Binding' };
const bindingType = 'io.k8s.api.core.v1.Binding';

/** POST pods/{name}/binding: the scheduler's decision. */
export async function serveBinding(call: ResourceCall): Promise<void> {
  const { parts, stored, info } = call;
  const options = writeOptionsOf(info.query, 'CreateOptions');
  const binding = (await decodeAs(call, bindingKind, bindingType, options.fieldValidation)) as unknown as Binding;
  matchPath(binding as unknown as KubeObject, info.namespace, info.name);
  checkTarget(binding, info.name);
  const context = changeContextOf(call, { ...options });
  await parts.registry.admit('CREATE', stored, info.name, binding as unknown as KubeObject, undefined, context);
  const subject = subjectOf(stored, info.name);
  const { uid, resourceVersion } = binding.metadata;
  await parts.registry.amend(
    stored,
    info.name,
    (current) => {
      const pod = current as unknown as Pod;
      if (uid && uid !== pod.metadata.uid)
        throw errors.conflict(subject, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid ?? ''}`);
      if (resourceVersion && resourceVersion !== pod.metadata.resourceVersion) throw errors.conflict(subject, errors.staleObject);
      return bind(pod, binding, subject, context.now) as unknown as KubeObject;
    },
    context,
  );
  sendStatus(call, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}

function checkTarget(binding: Binding, podName: string): void {
  const { target } = binding;
  if (target?.kind && target.kind !== 'Node')
    throw errors.invalid('', 'Binding', podName, [
      { reason: 'FieldValueNotSupported', field: 'target.kind', message: `Unsupported value: "${target.kind}": supported values: "Node", "<empty>"` },
    ]);
  if (!target?.name)
    throw errors.invalid('', 'Binding', podName, [{ reason: 'FieldValueRequired', field: 'target.name', message: 'Required value' }]);
}

function bind(pod: Pod, binding: Binding, subject: errors.StatusSubject, now: number): Pod {
  const node = binding.target.name as string;
  if (pod.metadata.deletionTimestamp) throw errors.conflict(subject, `pod ${pod.metadata.name} is being deleted, cannot be assigned to a host`);
  if (pod.spec.nodeName) throw errors.conflict(subject, `pod ${pod.metadata.name} is already assigned to node "${pod.spec.nodeName}"`);
  if (pod.spec.schedulingGates?.length) throw errors.conflict(subject, `pod ${pod.metadata.name} has non-empty .spec.schedulingGates`);
  const scheduled: PodCondition = { type: 'PodScheduled', status: 'True', lastProbeTime: undefined, lastTransitionTime: formatTime(now) };
  const conditions = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
  const annotations = { ...pod.metadata.annotations, ...binding.metadata.annotations };
  const labels = { ...pod.metadata.labels, ...binding.metadata.labels };
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      ...(Object.keys(annotations).length ? { annotations } : {}),
      ...(Object.keys(labels).length ? { labels } : {}),
    },
    spec: { ...pod.spec, nodeName: node },
    status: { ...pod.status, conditions: [...conditions, scheduled] },
  };
}
