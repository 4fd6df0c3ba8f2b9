/** What RBAC's rules mean: whether one allows a request, and whether rules cover others. */
import { goQuote } from '../../api/validation/go-format.ts';
import type { PolicyRule } from '../../api/types/rbac-v1.ts';
import type { RequestAttributes } from './contract.ts';

const none: readonly string[] = [];

function pathMatches(pattern: string, path: string): boolean {
  return (
    pattern === '*' ||
    pattern === path ||
    (pattern.endsWith('*') && path.startsWith(pattern.replace(/\*+$/, '')))
  );
}

/** `combined` is `resource` or `resource/subresource`. */
function resourceMatches(resources: readonly string[], combined: string, subresource: string): boolean {
  for (const resource of resources) {
    if (resource === '*' || resource === combined) return true;
    if (
      subresource !== '' &&
      resource.length === subresource.length + 2 &&
      resource.startsWith('*/') &&
      resource.endsWith(subresource)
    )
      return true;
  }
  return false;
}

function includesOrAll(values: readonly string[] | undefined, value: string): boolean {
  return values !== undefined && (values.includes(value) || values.includes('*'));
}

/** All that `ruleAllows` asks but for the object's name. */
export function ruleCouldAllow(rule: PolicyRule, attributes: RequestAttributes): boolean {
  if (!includesOrAll(rule.verbs, attributes.verb)) return false;
  if (!attributes.isResource)
    return (rule.nonResourceURLs ?? none).some((pattern) => pathMatches(pattern, attributes.path));
  if (!includesOrAll(rule.apiGroups, attributes.group)) return false;
  const { resource, subresource } = attributes;
  return resourceMatches(
    rule.resources ?? none,
    subresource === '' ? resource : `${resource}/${subresource}`,
    subresource,
  );
}

export function ruleAllows(rule: PolicyRule, attributes: RequestAttributes): boolean {
  if (!ruleCouldAllow(rule, attributes)) return false;
  return (
    !attributes.isResource || !rule.resourceNames?.length || rule.resourceNames.includes(attributes.name)
  );
}

/** One rule as rules with at most one verb, group, resource and name each. */
export function breakDownRule(rule: PolicyRule): PolicyRule[] {
  const parts: PolicyRule[] = [];
  const names = rule.resourceNames?.length ? rule.resourceNames : [undefined];
  for (const group of rule.apiGroups ?? none)
    for (const resource of rule.resources ?? none)
      for (const verb of rule.verbs)
        for (const name of names)
          parts.push({
            apiGroups: [group],
            resources: [resource],
            verbs: [verb],
            ...(name === undefined ? {} : { resourceNames: [name] }),
          });
  for (const url of rule.nonResourceURLs ?? none)
    for (const verb of rule.verbs) parts.push({ nonResourceURLs: [url], verbs: [verb] });
  return parts;
}

function holdsAll(held: readonly string[] | undefined, wanted: readonly string[] | undefined): boolean {
  return held?.includes('*') === true || (wanted ?? none).every((value) => held?.includes(value));
}

function coversResource(held: readonly string[], wanted: string): boolean {
  if (held.includes('*') || held.includes(wanted)) return true;
  const slash = wanted.indexOf('/');
  return slash >= 0 && held.includes(`*/${wanted.slice(slash + 1)}`);
}

/** `part` is one that `breakDownRule` made. */
function ruleCovers(rule: PolicyRule, part: PolicyRule): boolean {
  return (
    holdsAll(rule.verbs, part.verbs) &&
    holdsAll(rule.apiGroups, part.apiGroups) &&
    (part.resources ?? none).every((resource) => coversResource(rule.resources ?? none, resource)) &&
    (part.nonResourceURLs ?? none).every((path) =>
      (rule.nonResourceURLs ?? none).some(
        (held) => held === path || (held.endsWith('*') && path.startsWith(held.replace(/\*+$/, ''))),
      ),
    ) &&
    (!rule.resourceNames?.length ||
      (part.resourceNames !== undefined &&
        part.resourceNames.every((name) => rule.resourceNames?.includes(name))))
  );
}

/** What of `wanted` is not covered by `held`, broken down; empty where all is. */
export function uncoveredRules(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDownRule).filter((part) => !held.some((rule) => ruleCovers(rule, part)));
}

/** Broken-down rules that differ by verb only become one again. */
export function compactRules(rules: readonly PolicyRule[]): PolicyRule[] {
  const compacted: PolicyRule[] = [];
  const byResource = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const isSimple =
      rule.apiGroups?.length === 1 &&
      rule.resources?.length === 1 &&
      !rule.nonResourceURLs?.length &&
      (rule.resourceNames?.length ?? 0) < 2;
    if (!isSimple) {
      compacted.push(rule);
      continue;
    }
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames]);
    const known = byResource.get(key);
    if (known) known.verbs.push(...rule.verbs);
    else {
      const copy = { ...rule, verbs: [...rule.verbs] };
      byResource.set(key, copy);
      compacted.push(copy);
    }
  }
  return compacted;
}

/** As escalation errors show it: `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get"]}`. */
export function describeRule(rule: PolicyRule): string {
  const parts: string[] = [];
  const add = (title: string, values: readonly string[] | undefined) => {
    if (values?.length) parts.push(`${title}:[${values.map((value) => goQuote(value)).join(' ')}]`);
  };
  add('APIGroups', rule.apiGroups);
  add('Resources', rule.resources);
  add('NonResourceURLs', rule.nonResourceURLs);
  add('ResourceNames', rule.resourceNames);
  add('Verbs', rule.verbs);
  return `{${parts.join(', ')}}`;
}
