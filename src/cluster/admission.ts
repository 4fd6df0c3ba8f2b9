import type { AdmissionChain } from '../server/registry/registry.ts';
export function createAdmission(_: unknown): AdmissionChain { return { mutate() {}, validate() {} }; }
