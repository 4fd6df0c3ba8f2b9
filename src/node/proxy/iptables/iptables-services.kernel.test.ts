import { noLab } from '../testing/lab.ts';
import { serviceCases } from '../testing/service-cases.ts';

serviceCases('iptables', noLab('iptables-restore', 'ip6tables-restore', 'conntrack'));
