/** What a Job's policy says about a pod that failed: the first rule that matches it decides. Pure. */
import type { PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement } from '../../api/types/batch-v1.ts';
import type { ContainerStatus, Pod } from '../../api/types/core-v1.ts';

export interface PolicyVerdict {
  /** Of the rule: FailJob, FailIndex, Count, Ignore. Undefined: no rule matches, and the failure counts. */
  readonly action?: string;
  readonly counts: boolean;
  /** Why the Job fails; with FailJob alone. */
  readonly message?: string;
}

export function failureVerdict(policy: PodFailurePolicy | undefined, pod: Pod): PolicyVerdict {
  for (const [place, { action, onExitCodes, onPodConditions }] of (policy?.rules ?? []).entries()) {
    const what = onExitCodes ? exitMatch(onExitCodes, pod) : conditionMatch(onPodConditions ?? [], pod);
    if (what === undefined) continue;
    if (action !== 'FailJob') return { action, counts: action !== 'Ignore' };
    return { action, counts: true, message: `${what} matching ${action} rule at index ${place}` };
  }
  return { counts: true };
}

function exitMatch(rule: PodFailurePolicyOnExitCodesRequirement, { metadata, status }: Pod): string | undefined {
  const matches = ({ name, state }: ContainerStatus) => {
    const code = state?.terminated?.exitCode;
    if (!code || (rule.containerName !== undefined && rule.containerName !== name)) return false;
    return rule.values.includes(code) === (rule.operator === 'In');
  };
  const found = status?.containerStatuses?.find(matches) ?? status?.initContainerStatuses?.find(matches);
  return found && `Container ${found.name} for pod ${metadata.namespace}/${metadata.name} failed with exit code ${found.state?.terminated?.exitCode}`;
}

function conditionMatch(patterns: NonNullable<PodFailurePolicy['rules'][number]['onPodConditions']>, { metadata, status }: Pod): string | undefined {
  const found = status?.conditions?.find((condition) => patterns.some((pattern) => pattern.type === condition.type && pattern.status === condition.status));
  return found && `Pod ${metadata.namespace}/${metadata.name} has condition ${found.type}`;
}
