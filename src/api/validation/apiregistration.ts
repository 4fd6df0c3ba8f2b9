/** apiregistration.k8s.io/v1 APIService. */
import type { FieldError } from '../errors.ts';
import type { APIService } from '../types/apiregistration-v1.ts';
import { invalidEach, invalidValue, notSupported, path, required } from './field-path.ts';
import { goQuote } from './go-format.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { dns1035Label, dnsSubdomain, pathSegmentName, portNumber } from './names.ts';

const specPath = path('spec');
const groupPriorityMax = 20_000;
const versionPriorityMax = 1000;
const statuses = ['True', 'False', 'Unknown'];

function validateService({ metadata, spec }: APIService): FieldError[] {
  const errors: FieldError[] = [];
  const {
    group = '',
    version = '',
    groupPriorityMinimum = 0,
    versionPriority = 0,
    service,
    caBundle,
    insecureSkipTLSVerify,
  } = spec ?? {};
  const name = `${version}.${group}`;
  if (metadata.name !== name)
    errors.push(
      invalidValue(
        path('metadata', 'name'),
        metadata.name,
        `must be \`spec.version+"."+spec.group\`: ${goQuote(name)}`,
      ),
    );
  if (group === '' && version !== 'v1')
    errors.push(
      required(specPath.child('group'), 'only v1 may have an empty group and it better be legacy kube'),
    );
  if (group !== '') invalidEach(errors, specPath.child('group'), group, dnsSubdomain(group));
  invalidEach(errors, specPath.child('version'), version, dns1035Label(version));
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > groupPriorityMax)
    errors.push(
      invalidValue(
        specPath.child('groupPriorityMinimum'),
        groupPriorityMinimum,
        `must be positive and less than ${groupPriorityMax}`,
      ),
    );
  if (versionPriority <= 0 || versionPriority > versionPriorityMax)
    errors.push(
      invalidValue(
        specPath.child('versionPriority'),
        versionPriority,
        `must be positive and less than ${versionPriorityMax}`,
      ),
    );
  const insecurePath = specPath.child('insecureSkipTLSVerify');
  if (!service) {
    if (caBundle)
      errors.push(
        invalidValue(
          specPath.child('caBundle'),
          `${Buffer.byteLength(caBundle, 'base64')} bytes`,
          'local APIServices may not have a caBundle',
        ),
      );
    if (insecureSkipTLSVerify)
      errors.push(invalidValue(insecurePath, true, 'local APIServices may not have insecureSkipTLSVerify'));
    return errors;
  }
  const servicePath = specPath.child('service');
  if (!service.namespace) errors.push(required(servicePath.child('namespace')));
  if (!service.name) errors.push(required(servicePath.child('name')));
  const messages = portNumber(service.port ?? 0);
  if (messages.length > 0)
    errors.push(
      invalidValue(servicePath.child('port'), service.port ?? 0, `port is not valid: ${messages.join(', ')}`),
    );
  if (insecureSkipTLSVerify && caBundle)
    errors.push(invalidValue(insecurePath, true, 'may not be true if caBundle is present'));
  return errors;
}

function updateService(service: APIService, _: APIService, subresource: string): FieldError[] {
  if (subresource !== 'status') return validateService(service);
  const errors: FieldError[] = [];
  service.status?.conditions?.forEach(({ status }, i) => {
    if (!statuses.includes(status))
      errors.push(notSupported(path('status', 'conditions').index(i).child('status'), status, statuses));
  });
  return errors;
}

export const validators: KindValidators = {
  'apiregistration.k8s.io/APIService': kindValidator<APIService>({
    // `v1.`, the core group's, is no DNS name.
    validateName: pathSegmentName,
    create: validateService,
    update: updateService,
  }),
};
