/** The admission chain of a cluster: upstream's default plugins over this cluster's views. */
import { AdmissionChain } from '../server/admission/chain.ts';
import type { ClusterWriter } from '../server/admission/contract.ts';
import { standardPlugins, type PluginParts } from '../server/admission/standard-plugins.ts';
import { parseCertificateRequest } from './pki/csr.ts';

export type AdmissionParts = Omit<PluginParts, 'parseCertificateRequest' | 'writer'> & { readonly writer: () => ClusterWriter };

export function createAdmission(parts: AdmissionParts): AdmissionChain {
  return new AdmissionChain(standardPlugins({ ...parts, parseCertificateRequest }));
}
