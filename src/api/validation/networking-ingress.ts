/** networking.k8s.io/v1 Ingress: hosts, paths and what answers on them. */
import { isIP } from 'node:net';
import type { FieldError } from '../errors.ts';
import type { TypedLocalObjectReference } from '../types/core-v1.ts';
import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressRule,
  IngressSpec,
  IngressTLS,
} from '../types/networking-v1.ts';
import { invalidEach, invalidValue, notSupported, path, required, type FieldPath } from './field-path.ts';
import { validateIp } from './ip.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import {
  dnsLabel,
  dnsSubdomain,
  pathSegmentName,
  portName,
  portNumber,
  wildcardDnsSubdomain,
} from './names.ts';

const specPath = path('spec');
const classAnnotation = 'kubernetes.io/ingress.class';
const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];
const ambiguousParts = ['//', '/./', '/../', '%2f', '%2F'];
const ambiguousEnds = ['/..', '/.'];

/** What an update must tolerate, because it is stored already. */
interface Leniency {
  readonly badSecretNames: boolean;
  readonly badWildcardRules: boolean;
}

const strict: Leniency = { badSecretNames: false, badWildcardRules: false };

/** A name that may stand in a URL. */
export function requiredSegment(errors: FieldError[], value: string | undefined, at: FieldPath): void {
  if (!value) errors.push(required(at));
  else invalidEach(errors, at, value, pathSegmentName(value, false));
}

function validateResourceBackend(
  errors: FieldError[],
  { apiGroup, kind, name }: TypedLocalObjectReference,
  at: FieldPath,
): void {
  if (apiGroup !== undefined) invalidEach(errors, at.child('apiGroup'), apiGroup, dnsSubdomain(apiGroup));
  requiredSegment(errors, kind, at.child('kind'));
  requiredSegment(errors, name, at.child('name'));
}

function validateBackend(errors: FieldError[], { resource, service }: IngressBackend, at: FieldPath): void {
  if (resource && service) {
    errors.push(invalidValue(at, '', 'cannot set both resource and service backends'));
    return;
  }
  if (resource) validateResourceBackend(errors, resource, at.child('resource'));
  if (!resource && !service) errors.push(invalidValue(at, '', 'resource or service backend is required'));
  if (!service) return;
  const servicePath = at.child('service');
  if (!service.name) errors.push(required(servicePath.child('name')));
  else invalidEach(errors, servicePath.child('name'), service.name, dnsLabel(service.name));
  const { name = '', number = 0 } = service.port ?? {};
  const portPath = servicePath.child('port');
  if (name !== '' && number !== 0)
    errors.push(invalidValue(at, '', 'cannot set both port name & port number'));
  else if (name !== '') invalidEach(errors, portPath.child('name'), name, portName(name));
  else if (number !== 0) invalidEach(errors, portPath.child('number'), number, portNumber(number));
  else errors.push(required(at, 'port name or number is required'));
}

function validatePath(errors: FieldError[], item: HTTPIngressPath, at: FieldPath): void {
  const { pathType, path: text = '', backend } = item;
  const pathPath = at.child('path');
  if (pathType === undefined) {
    errors.push(required(at.child('pathType'), 'pathType must be specified'));
    return;
  }
  if (!pathTypes.includes(pathType)) errors.push(notSupported(at.child('pathType'), pathType, pathTypes));
  else {
    const optional = pathType === 'ImplementationSpecific';
    if (!text.startsWith('/') && !(optional && text === ''))
      errors.push(invalidValue(pathPath, text, 'must be an absolute path'));
    if (!optional) {
      for (const part of ambiguousParts)
        if (text.includes(part)) errors.push(invalidValue(pathPath, text, `must not contain '${part}'`));
      for (const end of ambiguousEnds)
        if (text.endsWith(end)) errors.push(invalidValue(pathPath, text, `cannot end with '${end}'`));
    }
  }
  validateBackend(errors, backend ?? {}, at.child('backend'));
}

function validateRuleValue(errors: FieldError[], { http }: IngressRule, at: FieldPath): void {
  if (!http) return;
  const pathsPath = at.child('http').child('paths');
  if (!http.paths?.length) errors.push(required(pathsPath));
  http.paths?.forEach((item, i) => validatePath(errors, item, pathsPath.index(i)));
}

function validateHost(errors: FieldError[], host: string, at: FieldPath): void {
  if (isIP(host) !== 0) errors.push(invalidValue(at, host, 'must be a DNS name, not an IP address'));
  invalidEach(errors, at, host, host.includes('*') ? wildcardDnsSubdomain(host) : dnsSubdomain(host));
}

function validateTls(
  errors: FieldError[],
  { hosts, secretName }: IngressTLS,
  lenient: Leniency,
  at: FieldPath,
): void {
  hosts?.forEach((host, i) =>
    invalidEach(
      errors,
      at.child('hosts').index(i),
      host,
      host.includes('*') ? wildcardDnsSubdomain(host) : dnsSubdomain(host),
    ),
  );
  if (secretName && !lenient.badSecretNames)
    invalidEach(errors, at.child('secretName'), secretName, dnsSubdomain(secretName));
}

function validateSpec(spec: IngressSpec, lenient: Leniency): FieldError[] {
  const errors: FieldError[] = [];
  const { rules = [], defaultBackend, tls, ingressClassName } = spec;
  if (rules.length === 0 && !defaultBackend)
    errors.push(
      invalidValue(specPath, spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified'),
    );
  if (defaultBackend) validateBackend(errors, defaultBackend, specPath.child('defaultBackend'));
  rules.forEach((rule, i) => {
    const at = specPath.child('rules').index(i);
    if (rule.host) validateHost(errors, rule.host, at.child('host'));
    if (!(rule.host?.includes('*') && lenient.badWildcardRules)) validateRuleValue(errors, rule, at);
  });
  tls?.forEach((item, i) => validateTls(errors, item, lenient, specPath.child('tls').index(i)));
  if (ingressClassName !== undefined)
    invalidEach(errors, specPath.child('ingressClassName'), ingressClassName, dnsSubdomain(ingressClassName));
  return errors;
}

function createIngress({ metadata, spec = {} }: Ingress): FieldError[] {
  const errors = validateSpec(spec, strict);
  const annotated = metadata.annotations?.[classAnnotation];
  if (annotated !== undefined && spec.ingressClassName !== undefined && annotated !== spec.ingressClassName)
    errors.push(
      invalidValue(
        path('annotations').child(classAnnotation),
        annotated,
        'must match `ingressClassName` when both are specified',
      ),
    );
  return errors;
}

function leniencyFor({ spec = {} }: Ingress): Leniency {
  const wrongWildcard = (rule: IngressRule) => {
    const errors: FieldError[] = [];
    validateRuleValue(errors, rule, specPath);
    return errors.length > 0;
  };
  return {
    badSecretNames:
      spec.tls?.some(({ secretName }) => secretName && dnsSubdomain(secretName).length > 0) ?? false,
    badWildcardRules: spec.rules?.some((rule) => rule.host?.includes('*') && wrongWildcard(rule)) ?? false,
  };
}

function validateStatus({ status }: Ingress, old: Ingress): FieldError[] {
  const errors: FieldError[] = [];
  const at = path('status', 'loadBalancer').child('ingress');
  const kept = (old.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
  status?.loadBalancer?.ingress?.forEach(({ ip, hostname }, i) => {
    if (ip) validateIp(errors, at.index(i).child('ip'), ip, kept);
    if (!hostname) return;
    invalidEach(errors, at.index(i).child('hostname'), hostname, dnsSubdomain(hostname));
    if (isIP(hostname) !== 0)
      errors.push(
        invalidValue(at.index(i).child('hostname'), hostname, 'must be a DNS name, not an IP address'),
      );
  });
  return errors;
}

export const validators: KindValidators = {
  'networking.k8s.io/Ingress': kindValidator<Ingress>({
    create: createIngress,
    update: (ingress, old, subresource) =>
      subresource === 'status'
        ? validateStatus(ingress, old)
        : validateSpec(ingress.spec ?? {}, leniencyFor(old)),
  }),
};
