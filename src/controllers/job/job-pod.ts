/** The pod that a Job makes. Pure. */
import type { Job } from '../../api/types/batch-v1.ts';
import type { Container, Pod } from '../../api/types/core-v1.ts';
import { podFromTemplate } from '../runtime/pod-control.ts';
import { indexAnnotation } from './completion-indexes.ts';
import type { NewPod } from './job-decision.ts';
import { failureCountAnnotation, failuresOf, ignoredFailureCountAnnotation } from './job-tally.ts';
import { failureVerdict } from './pod-failure-policy.ts';
import { trackingFinalizer } from './tracking.ts';

const indexVariable = 'JOB_COMPLETION_INDEX';
const generateNameMax = 58;

export function jobPod(job: Job, { index, replaced }: NewPod): Pod {
  const pod = podFromTemplate(job.spec?.template ?? {}, job);
  pod.metadata.finalizers = [...new Set([...(pod.metadata.finalizers ?? []), trackingFinalizer])];
  if (index === undefined) return pod;
  const { name = '' } = job.metadata;
  const suffix = `-${index}-`;
  pod.metadata.generateName = name.slice(0, generateNameMax - suffix.length) + suffix;
  pod.metadata.labels = { ...pod.metadata.labels, [indexAnnotation]: String(index) };
  pod.metadata.annotations = { ...pod.metadata.annotations, [indexAnnotation]: String(index), ...failureCounts(job, replaced) };
  const { containers, initContainers } = pod.spec;
  pod.spec = { ...pod.spec, hostname: `${name}-${index}`, containers: containers.map(withIndex), ...(initContainers ? { initContainers: initContainers.map(withIndex) } : {}) };
  return pod;
}

/** The next pod of an index carries on the count of its failures. */
function failureCounts(job: Job, replaced: Pod | undefined): Record<string, string> {
  if (job.spec?.backoffLimitPerIndex === undefined) return {};
  const before = replaced ? failuresOf(replaced) : { counted: 0, ignored: 0 };
  const counts = replaced !== undefined && failureVerdict(job.spec.podFailurePolicy, replaced).counts;
  const ignored = before.ignored + Number(replaced !== undefined && !counts);
  return { [failureCountAnnotation]: String(before.counted + Number(counts)), ...(ignored > 0 ? { [ignoredFailureCountAnnotation]: String(ignored) } : {}) };
}

function withIndex(container: Container): Container {
  if (container.env?.some(({ name }) => name === indexVariable)) return container;
  return { ...container, env: [...(container.env ?? []), { name: indexVariable, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.labels['${indexAnnotation}']` } } }] };
}
