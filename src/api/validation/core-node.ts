/** Nodes. */
import type { FieldError } from '../errors.ts';
import type { Node, NodeConfigSource, Taint } from '../types/core-v1.ts';
import type { FieldPath } from './field-path.ts';
import { duplicate, forbiddenField, invalidEach, invalidValue, oneOf, path, required } from './field-path.ts';
import { ipFamily, validateCidr } from './ip.ts';
import type { KindValidators } from './kind-validator.ts';
import { kindValidator } from './kind-validator.ts';
import { configKey, dnsLabel, dnsSubdomain, labelValue, qualifiedName } from './names.ts';
import { taintEffects } from './pod-scheduling.ts';
import { validateResourceAmount } from './resources.ts';

// Upstream names metadata here, where it means spec.
const taintsPath = path('metadata', 'taints');
const podCidrsPath = path('spec', 'podCIDRs');

function validateTaints(errors: FieldError[], taints: readonly Taint[]): void {
  const seen = new Set<string>();
  taints.forEach((taint, i) => {
    const { key = '', value = '', effect = '' } = taint;
    const at = taintsPath.index(i);
    invalidEach(errors, at.child('key'), key, qualifiedName(key));
    const messages = labelValue(value);
    if (messages.length > 0) errors.push(invalidValue(at.child('value'), value, messages.join(';')));
    if (effect === '') errors.push(required(at.child('effect')));
    else oneOf(errors, at.child('effect'), effect, taintEffects);
    const pair = `${key}:${effect}`;
    if (seen.has(pair)) {
      const error = duplicate(at, { Key: key, Value: value, Effect: effect, TimeAdded: taint.timeAdded ?? null });
      errors.push({ ...error, message: `${error.message}: taints must be unique by key and effect pair` });
    }
    seen.add(pair);
  });
}

const featureName = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/;
const featureForm =
  "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes";

function validateStatus(errors: FieldError[], { status }: Node): void {
  for (const field of ['capacity', 'allocatable'] as const) {
    const amounts = status?.[field];
    for (const name in amounts) validateResourceAmount(errors, name, amounts[name]!, path('status', field, name));
  }
  const features = status?.declaredFeatures ?? [];
  features.forEach((name, i) => {
    const at = path('status', 'declaredFeatures').index(i);
    const text = JSON.stringify(name);
    if (name.length > 253) errors.push(invalidValue(at, name, `invalid feature name ${text}: must be no more than 253 characters`));
    else if (!featureName.test(name)) errors.push(invalidValue(at, name, `invalid feature name ${text}: ${featureForm}`));
    const before = features[i - 1];
    if (before === name) errors.push(duplicate(at, name));
    else if (before !== undefined && before > name) errors.push(invalidValue(at, name, 'list must be sorted alphabetically'));
  });
}

function createNode(node: Node): FieldError[] {
  const errors: FieldError[] = [];
  validateTaints(errors, node.spec?.taints ?? []);
  validateStatus(errors, node);
  const cidrs = node.spec?.podCIDRs ?? [];
  cidrs.forEach((cidr, i) => validateCidr(errors, podCidrsPath.index(i), cidr));
  const families = cidrs.map((cidr) => ipFamily(cidr.split('/')[0]!));
  if (cidrs.length > 1 && (cidrs.length > 2 || families[0] === families[1])) {
    errors.push(invalidValue(podCidrsPath, cidrs, 'may specify no more than one CIDR for each IP family'));
  }
  return errors;
}

function updateNode(node: Node, old: Node): FieldError[] {
  const errors: FieldError[] = [];
  validateStatus(errors, node);
  const addresses = new Set<string>();
  node.status?.addresses?.forEach(({ type, address }, i) => {
    const key = `${type} ${address}`;
    if (addresses.has(key)) errors.push(duplicate(path('status', 'addresses').index(i), { Type: type, Address: address }));
    addresses.add(key);
  });
  const before = old.spec ?? {};
  const now = node.spec ?? {};
  if (before.podCIDRs?.length && before.podCIDRs.join() !== (now.podCIDRs ?? []).join()) {
    errors.push(forbiddenField(podCidrsPath, 'node updates may not change podCIDR except from "" to valid'));
  }
  if (before.providerID && before.providerID !== now.providerID) {
    errors.push(forbiddenField(path('spec', 'providerID'), 'node updates may not change providerID except from "" to valid'));
  }
  if (now.configSource) validateConfigSource(errors, now.configSource, path('spec', 'configSource'));
  validateTaints(errors, now.taints ?? []);
  if ((now.externalID ?? '') !== (before.externalID ?? '')) errors.push(forbiddenField(path('spec', 'externalID'), 'may not be updated'));
  return errors;
}

function validateConfigSource(errors: FieldError[], source: NodeConfigSource, at: FieldPath): void {
  const map = source.configMap;
  if (!map) {
    errors.push(invalidValue(at, source, 'exactly one reference subfield must be non-nil'));
    return;
  }
  const here = at.child('configMap');
  for (const field of ['uid', 'resourceVersion'] as const) {
    if (map[field]) errors.push(forbiddenField(here.child(field), `${field} must not be set in spec`));
  }
  for (const [field, rule] of [['namespace', dnsLabel], ['name', dnsSubdomain], ['kubeletConfigKey', configKey]] as const) {
    const value = map[field];
    if (!value) errors.push(required(here.child(field)));
    else invalidEach(errors, here.child(field), value, rule(value));
  }
}

export const validators: KindValidators = {
  '/Node': kindValidator<Node>({ create: createNode, update: updateNode }),
};
