import { noLab } from '../testing/lab.ts';
import { serviceCases } from '../testing/service-cases.ts';

serviceCases('nftables', noLab('nft', 'conntrack'));
