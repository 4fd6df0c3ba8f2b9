/** Services in the words of nftables. */
import { ipFamily } from '../../../api/validation/ip.ts';
import type { Family } from '../service-model.ts';
import type { ServiceRenderer } from '../service-tracker.ts';
import { baseParts, familyWords } from './service-base.ts';
import { portParts } from './service-rules.ts';

export interface NftRendererOptions {
  readonly clusterCidrs: readonly string[];
  readonly serviceCidrs: readonly string[];
}

export function nftRenderer({ clusterCidrs, serviceCidrs }: NftRendererOptions): ServiceRenderer {
  const ofFamily = (cidrs: readonly string[], family: Family) => cidrs.filter((cidr) => ipFamily(cidr.split('/')[0] ?? '') === family);
  return {
    base: (family, nodeIps) => baseParts(familyWords[family], { nodePortIps: nodeIps, serviceCidrs: ofFamily(serviceCidrs, family) }),
    port: (family, model, nodeIps) => portParts(familyWords[family], model, { clusterCidrs: ofFamily(clusterCidrs, family), nodeIps }),
  };
}
