/** apiregistration.k8s.io/v1. */
import type { APIService } from '../types/apiregistration-v1.ts';
import { defaultService } from './admissionregistration.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

export const defaulters: Defaulters = {
  'apiregistration.k8s.io/v1/APIService': defaulter<APIService>((service) => {
    service.status ??= {};
    defaultService(service.spec?.service);
  }),
};
