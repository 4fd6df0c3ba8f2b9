/** Where a webhook is: a URL or a service. Shared by admission and conversion. */
import type { FieldError } from '../errors.ts';
import type { WebhookClientConfig } from '../types/admissionregistration-v1.ts';
import { invalidValue, required, type FieldPath } from './field-path.ts';
import { dnsSubdomain, portNumber } from './names.ts';

const form = '; desired format: https://host[/path]';

export function validateClientConfig(
  errors: FieldError[],
  config: WebhookClientConfig | undefined,
  at: FieldPath,
): void {
  const { url, service } = config ?? {};
  if ((url === undefined) === (service === undefined))
    errors.push(required(at, 'exactly one of url or service is required'));
  else if (url !== undefined) validateUrl(errors, url, at.child('url'));
  else if (service) validateService(errors, service, at.child('service'));
}

function validateUrl(errors: FieldError[], text: string, at: FieldPath): void {
  // Not the WHATWG parser: it repairs what is to be refused.
  const match =
    /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/(?:([^/?#@]*)@)?([^/?#]*))?[^?#]*(?:\?([^#]*))?(?:#(.*))?$/.exec(
      text,
    );
  const [, scheme = '', user, host = '', query = '', fragment = ''] = match ?? [];
  if (scheme.toLowerCase() !== 'https')
    errors.push(invalidValue(at, scheme.toLowerCase(), `'https' is the only allowed URL scheme${form}`));
  if (host === '') errors.push(invalidValue(at, host, `host must be specified${form}`));
  if (user !== undefined) errors.push(invalidValue(at, user, 'user information is not permitted in the URL'));
  if (fragment !== '') errors.push(invalidValue(at, fragment, 'fragments are not permitted in the URL'));
  if (query !== '') errors.push(invalidValue(at, query, 'query parameters are not permitted in the URL'));
}

function validateService(
  errors: FieldError[],
  service: NonNullable<WebhookClientConfig['service']>,
  at: FieldPath,
): void {
  const { name, namespace, port = 0, path = '' } = service;
  if (!name) errors.push(required(at.child('name')));
  if (!namespace) errors.push(required(at.child('namespace')));
  const messages = portNumber(port);
  if (messages.length > 0)
    errors.push(invalidValue(at.child('port'), port, `port is not valid: ${messages.join(', ')}`));
  validateServicePath(errors, path, at.child('path'));
}

function validateServicePath(errors: FieldError[], path: string, at: FieldPath): void {
  if (path === '' || path === '/') return;
  if (path === '//') {
    errors.push(invalidValue(at, path, 'segment[0] may not be empty'));
    return;
  }
  if (!path.startsWith('/')) errors.push(invalidValue(at, path, "must start with a '/'"));
  const inner = path.slice(1).replace(/\/$/, '');
  inner.split('/').forEach((segment, i) => {
    if (segment === '') errors.push(invalidValue(at, path, `segment[${i}] may not be empty`));
    else
      for (const message of dnsSubdomain(segment))
        errors.push(invalidValue(at, path, `segment[${i}]: ${message}`));
  });
}

/** Versions of the review objects that a webhook speaks, in order of preference. */
export function validateReviewVersions(
  errors: FieldError[],
  versions: readonly string[] | undefined,
  accepted: readonly string[],
  whenNone: string,
  at: FieldPath,
  rule: (text: string) => readonly string[],
): void {
  if (!versions?.length) {
    errors.push(required(at, whenNone));
    return;
  }
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) errors.push(invalidValue(at.index(i), version, 'duplicate version'));
    else for (const message of rule(version)) errors.push(invalidValue(at.index(i), version, message));
  });
  if (!versions.some((version) => accepted.includes(version)))
    errors.push(invalidValue(at, versions, `must include at least one of ${accepted.join(', ')}`));
}
