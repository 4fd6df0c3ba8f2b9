/** The query parameters of writes: CreateOptions, UpdateOptions, PatchOptions, DeleteOptions as upstream takes them. */
import * as errors from '../../api/errors.ts';
import { path } from '../../api/validation/field-path.ts';
import { unprintable } from '../../api/validation/go-format.ts';
import { managerBytesMax, validateFieldManager } from '../../api/validation/object-meta.ts';
import type { DeleteOptions } from '../../api/types/meta-v1.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
  readonly force: boolean | undefined;
}

/** `applies`: a patch that is a server-side apply. */
export function writeOptionsOf(query: URLSearchParams, kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions', applies = false): WriteOptions {
  const wrong: errors.FieldError[] = [];
  if (applies && !query.get('fieldManager')) wrong.push({ reason: 'FieldValueRequired', field: 'fieldManager', message: 'Required value: is required for apply patch' });
  if (kind === 'PatchOptions' && !applies && query.has('force'))
    wrong.push({ reason: 'FieldValueForbidden', field: 'force', message: 'Forbidden: may not be specified for non-apply patch' });
  const fieldManager = query.get('fieldManager') ?? '';
  validateFieldManager(wrong, path('fieldManager'), fieldManager);
  const dryRun = dryRunOf(query.getAll('dryRun'), wrong);
  const fieldValidation = query.get('fieldValidation') || 'Warn';
  if (fieldValidation !== 'Ignore' && fieldValidation !== 'Warn' && fieldValidation !== 'Strict')
    wrong.push({
      reason: 'FieldValueNotSupported',
      field: 'fieldValidation',
      message: `Unsupported value: "${fieldValidation}": supported values: "", "Ignore", "Strict", "Warn"`,
    });
  if (wrong.length) throw errors.invalid('meta.k8s.io', kind, '', wrong);
  const force = query.get('force');
  return {
    dryRun,
    fieldManager,
    fieldValidation: fieldValidation as FieldValidation,
    force: force === null ? undefined : force === 'true' || force === '1',
  };
}

/** Who writes without saying as whom: the program's name, as far as it can be printed. */
export function managerOfUserAgent(userAgent = ''): string {
  const slash = userAgent.indexOf('/');
  const name = slash < 0 ? userAgent : userAgent.slice(0, slash);
  return name.length <= managerBytesMax && /^[ -~]*$/.test(name) ? name : printable(name);
}

function printable(name: string): string {
  let text = '';
  let bytes = 0;
  for (const char of name) {
    if (unprintable.test(char)) continue;
    bytes += Buffer.byteLength(char);
    if (bytes > managerBytesMax) break;
    text += char;
  }
  return text;
}

export function dryRunOf(values: readonly string[], wrong: errors.FieldError[]): boolean {
  if (values.some((value) => value !== 'All'))
    wrong.push({ reason: 'FieldValueNotSupported', field: 'dryRun', message: `Unsupported value: ${JSON.stringify(values)}: supported values: "All"` });
  return values.includes('All');
}

/** The body's DeleteOptions win over the query; the query counts where there is no body. */
export function deleteOptionsOf(body: DeleteOptions | undefined, query: URLSearchParams): DeleteOptions {
  if (body) return body;
  const options: DeleteOptions = {};
  const grace = query.get('gracePeriodSeconds');
  if (grace !== null) {
    if (!/^-?\d+$/.test(grace)) throw errors.badRequest(`strconv.ParseInt: parsing "${grace}": invalid syntax`);
    options.gracePeriodSeconds = Number(grace);
  }
  const policy = query.get('propagationPolicy');
  if (policy !== null) options.propagationPolicy = policy;
  const orphan = query.get('orphanDependents');
  if (orphan !== null) options.orphanDependents = orphan === 'true' || orphan === '1';
  const dryRun = query.getAll('dryRun');
  if (dryRun.length) options.dryRun = dryRun;
  return options;
}
