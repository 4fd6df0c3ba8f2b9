/**
 * certificates.k8s.io/v1 CertificateSigningRequest. The verdict is given through
 * the approval subresource, the certificate through the status; nothing that was
 * said is taken back.
 */
import type { FieldError } from '../errors.ts';
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from '../types/certificates-v1.ts';
import { semanticEqual } from './equality.ts';
import { duplicate, forbiddenField, invalidValue, notSupported, path, required } from './field-path.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { pathSegmentName } from './names.ts';
import { validateSignerName } from './pod-volumes.ts';
import { signingRequestProblem } from './signing-request.ts';

const specPath = path('spec');
const conditionsPath = path('status', 'conditions');
const certificatePath = path('status', 'certificate');
const legacySigner = 'kubernetes.io/legacy-unknown';
const expirationSecondsMin = 600;

const usages = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

/** Conditions that are said once and for all. */
const finalTypes = ['Approved', 'Denied', 'Failed'];

function conditionsOf({ status }: CertificateSigningRequest): readonly CertificateSigningRequestCondition[] {
  return status?.conditions ?? [];
}

function validateSpec({ spec }: CertificateSigningRequest): FieldError[] {
  const errors: FieldError[] = [];
  const { request = '', signerName, expirationSeconds } = spec ?? {};
  const problem = signingRequestProblem(request);
  if (problem !== undefined) errors.push(invalidValue(specPath.child('request'), request, problem));
  const given = spec?.usages ?? [];
  const usagesPath = specPath.child('usages');
  if (given.length === 0) errors.push(required(usagesPath));
  given.forEach((usage, i) => {
    if (!usages.includes(usage)) errors.push(notSupported(usagesPath.index(i), usage, usages));
  });
  given.forEach((usage, i) => {
    if (given.indexOf(usage) < i) errors.push(duplicate(usagesPath.index(i), usage));
  });
  const signerPath = specPath.child('signerName');
  if (signerName === legacySigner)
    errors.push(
      invalidValue(signerPath, signerName, 'the legacy signerName is not allowed via this API version'),
    );
  else validateSignerName(errors, signerName, signerPath);
  if (expirationSeconds !== undefined && expirationSeconds < expirationSecondsMin)
    errors.push(
      invalidValue(
        specPath.child('expirationSeconds'),
        expirationSeconds,
        'may not specify a duration less than 600 seconds (10 minutes)',
      ),
    );
  return errors;
}

function validateConditions(request: CertificateSigningRequest): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  conditionsOf(request).forEach(({ type = '', status = '' }, i) => {
    const at = conditionsPath.index(i);
    if (type === '') errors.push(required(at.child('type')));
    const allowed = finalTypes.includes(type) ? ['True'] : ['False', 'True', 'Unknown'];
    if (status === '') errors.push(required(at.child('status')));
    else if (!allowed.includes(status)) errors.push(notSupported(at.child('status'), status, allowed));
    const opposite = type === 'Approved' ? 'Denied' : type === 'Denied' ? 'Approved' : undefined;
    if (opposite !== undefined && seen.has(opposite))
      errors.push(
        invalidValue(conditionsPath, type, 'Approved and Denied conditions are mutually exclusive'),
      );
    if (seen.has(type)) errors.push(duplicate(at.child('type'), type));
    seen.add(type);
  });
  return errors;
}

/** PEM blocks of certificates, at least one, with nothing but text between them. */
function certificateProblem(base64: string | undefined): string | undefined {
  if (!base64) return undefined;
  const pem = Buffer.from(base64, 'base64').toString('latin1');
  const types = [...pem.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)].map(([, type]) => type);
  if (types.length === 0) return 'must contain at least one CERTIFICATE PEM block';
  const other = types.find((type) => type !== 'CERTIFICATE');
  return other === undefined
    ? undefined
    : `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(other)}`;
}

function validateUpdate(
  request: CertificateSigningRequest,
  old: CertificateSigningRequest,
  subresource: string,
): FieldError[] {
  // The spec cannot change: what it may hold was decided when it was made.
  const errors = semanticEqual(conditionsOf(request), conditionsOf(old)) ? [] : validateConditions(request);
  const certificate = request.status?.certificate;
  const problem = certificate === old.status?.certificate ? undefined : certificateProblem(certificate);
  if (problem !== undefined) errors.push(invalidValue(certificatePath, '<certificate data>', problem));
  const ofType = (object: CertificateSigningRequest, wanted: string) =>
    conditionsOf(object).filter(({ type }) => type === wanted);
  for (const type of finalTypes) {
    const before = ofType(old, type);
    const after = ofType(request, type);
    if (after.length < before.length)
      errors.push(forbiddenField(conditionsPath, `updates may not remove a condition of type "${type}"`));
    else if (subresource !== 'approval' && type !== 'Failed') {
      if (after.length > before.length)
        errors.push(forbiddenField(conditionsPath, `updates may not add a condition of type "${type}"`));
      else if (!semanticEqual(before, after))
        errors.push(forbiddenField(conditionsPath, `updates may not modify a condition of type "${type}"`));
    }
  }
  if (certificate === old.status?.certificate) return errors;
  if (subresource !== 'status')
    errors.push(forbiddenField(certificatePath, 'updates may not set certificate content'));
  else if (old.status?.certificate)
    errors.push(forbiddenField(certificatePath, 'updates may not modify existing certificate content'));
  return errors;
}

export const validators: KindValidators = {
  'certificates.k8s.io/CertificateSigningRequest': kindValidator<CertificateSigningRequest>({
    validateName: pathSegmentName,
    create: (request) => [...validateSpec(request), ...validateConditions(request)],
    update: validateUpdate,
  }),
};
