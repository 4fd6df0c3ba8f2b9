/**
 * The forms that names, keys, ports and the like must have. Each rule returns
 * the messages of what is wrong, none when the value is good; the texts are
 * upstream's. Lengths are of UTF-8 bytes there; all the charsets here are
 * ASCII, so that a string with longer characters already fails by charset.
 */
import { FieldPath, invalidValue, required } from './field-path.ts';
import type { FieldError } from '../errors.ts';

export type NameRule = (name: string, prefix: boolean) => readonly string[];

const none: readonly string[] = [];

export function maxLengthMessage(length: number): string {
  return `must be no more than ${length} characters`;
}

export function rangeMessage(low: number, high: number): string {
  return `must be between ${low} and ${high}, inclusive`;
}

export const emptyMessage = 'must be non-empty';

export function regexMessage(message: string, format: string, ...examples: string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${format}')`;
  return `${message} (e.g. ${examples.map((example) => `'${example}'`).join(',  or ')}, regex used for validation is '${format}')`;
}

/** A rule of one charset and one length. */
function rule(format: string, lengthMax: number, message: string, ...examples: string[]): (value: string) => readonly string[] {
  const regex = new RegExp(`^(?:${format})$`);
  const text = regexMessage(message, format, ...examples);
  return (value) => {
    const fits = value.length <= lengthMax;
    if (fits && regex.test(value)) return none;
    const messages = fits ? [] : [maxLengthMessage(lengthMax)];
    if (!regex.test(value)) messages.push(text);
    return messages;
  };
}

const labelFormat = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomainFormat = `${labelFormat}(\\.${labelFormat})*`;
const subdomainRegex = new RegExp(`^${subdomainFormat}$`);
const labelRegex = new RegExp(`^${labelFormat}$`);
const labelText = regexMessage(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  labelFormat,
  'my-name',
  '123-abc',
);

export function dnsLabel(value: string): readonly string[] {
  const fits = value.length <= 63;
  if (fits && labelRegex.test(value)) return none;
  const messages = fits ? [] : [maxLengthMessage(63)];
  // A good subdomain that is no label: it must be the dots.
  if (!labelRegex.test(value)) messages.push(subdomainRegex.test(value) ? 'must not contain dots' : labelText);
  return messages;
}

export const dnsSubdomain = rule(
  subdomainFormat,
  253,
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  'example.com',
);

const underscoreLabelFormat = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
export const dnsSubdomainWithUnderscore = rule(
  `${underscoreLabelFormat}(\\.${underscoreLabelFormat})*`,
  253,
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
  'example.com',
);

export const dns1035Label = rule(
  '[a-z]([-a-z0-9]*[a-z0-9])?',
  63,
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  'my-name',
  'abc-123',
);

export const wildcardDnsSubdomain = rule(
  `\\*\\.${subdomainFormat}`,
  253,
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
  '*.example.com',
);

const keyFormat = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const keyRegex = new RegExp(`^${keyFormat}$`);
const keyText = regexMessage(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  keyFormat,
  'MyName',
  'my.name',
  '123-abc',
);

/** Keys of labels, and much else: `name` or `dns.subdomain/name`. */
export function qualifiedName(value: string): readonly string[] {
  const slash = value.indexOf('/');
  const name = slash < 0 ? value : value.slice(slash + 1);
  if (slash >= 0 && name.includes('/')) {
    return [`a valid label key ${keyText} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const nameFits = name.length > 0 && name.length <= 63 && keyRegex.test(name);
  if (nameFits && slash < 0) return none;
  const messages: string[] = [];
  if (slash === 0) messages.push(`prefix part ${emptyMessage}`);
  else if (slash > 0) for (const message of dnsSubdomain(value.slice(0, slash))) messages.push(`prefix part ${message}`);
  if (nameFits) return messages;
  if (name.length === 0) messages.push(`name part ${emptyMessage}`);
  else if (name.length > 63) messages.push(`name part ${maxLengthMessage(63)}`);
  if (!keyRegex.test(name)) messages.push(`name part ${keyText}`);
  return messages;
}

export const labelValue = rule(
  `(${keyFormat})?`,
  63,
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  'MyValue',
  'my_value',
  '12345',
);

export const percent = rule('[0-9]+%', Infinity, "a valid percent string must be a numeric string followed by an ending '%'", '1%', '93%');

export const httpHeaderName = rule(
  '[-A-Za-z0-9]+',
  Infinity,
  "a valid HTTP header must consist of alphanumeric characters or '-'",
  'X-Header-Name',
);

const configKeyCharset = rule(
  '[-._a-zA-Z0-9]+',
  253,
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  'key.name',
  'KEY_NAME',
  'key-name',
);

/** Keys of ConfigMaps and Secrets: they become file names. */
export function configKey(value: string): readonly string[] {
  const messages = configKeyCharset(value);
  const climbing = climbsUp(value);
  return climbing === undefined ? messages : [...messages, climbing];
}

function climbsUp(value: string): string | undefined {
  if (value === '.') return "must not be '.'";
  if (value === '..') return "must not be '..'";
  return value.startsWith('..') ? "must not start with '..'" : undefined;
}

/** Environment variables: printable ASCII without '='. */
export function envVarName(value: string): readonly string[] {
  if (value === '') return [`environment variable name ${emptyMessage}`];
  return /^[ -<>-~]*$/.test(value) ? none : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

/** IANA service names: ports by name. */
export function portName(value: string): readonly string[] {
  if (value.length <= 15 && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(value) && /[a-z]/.test(value)) return none;
  const messages: string[] = [];
  if (value.length > 15) messages.push(maxLengthMessage(15));
  if (!/^[-a-z0-9]+$/.test(value)) messages.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) messages.push('must contain at least one letter (a-z)');
  if (value.includes('--')) messages.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) messages.push('must not begin or end with a hyphen');
  return messages;
}

const portRange = [rangeMessage(1, 65535)];
export function portNumber(port: number): readonly string[] {
  return port >= 1 && port <= 65535 ? none : portRange;
}

const idRange = [rangeMessage(0, 2147483647)];
/** User and group ids. */
export function unixId(id: number): readonly string[] {
  return id >= 0 && id <= 2147483647 ? none : idRange;
}

/** What may stand in a URL path as one segment: the rule of every name, and the only one of RBAC's. */
export function pathSegmentName(name: string, prefix: boolean): readonly string[] {
  if (!prefix && name === '.') return ["may not be '.'"];
  if (!prefix && name === '..') return ["may not be '..'"];
  const messages: string[] = [];
  for (const part of ['/', '%']) if (name.includes(part)) messages.push(`may not contain '${part}'`);
  return messages;
}

/** A generateName may end in a dash: something follows it. */
function maskTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;
}

export const nameIsDnsSubdomain: NameRule = (name, prefix) => dnsSubdomain(prefix ? maskTrailingDash(name) : name);
export const nameIsDnsLabel: NameRule = (name, prefix) => dnsLabel(prefix ? maskTrailingDash(name) : name);

const httpPathFormat = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const httpPathRegex = new RegExp(`^${httpPathFormat}$`);

/** `acme.io/foo`: a subdomain, then a path. */
export function domainPrefixedPath(errors: FieldError[], at: FieldPath, value: string): void {
  if (value === '') {
    errors.push(required(at));
    return;
  }
  const slash = value.indexOf('/');
  if (slash <= 0 || slash === value.length - 1) {
    errors.push(invalidValue(at, value, 'must be a domain-prefixed path (such as "acme.io/foo")'));
    return;
  }
  const host = value.slice(0, slash);
  for (const message of dnsSubdomain(host)) errors.push(invalidValue(at, host, message));
  const rest = value.slice(slash + 1);
  if (!httpPathRegex.test(rest)) errors.push(invalidValue(at, rest, regexMessage('Invalid path', httpPathFormat)));
}
