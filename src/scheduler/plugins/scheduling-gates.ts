/** SchedulingGates: a pod with gates is not looked at until they are gone. */
import type { PreEnqueuePlugin } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';

const name = 'SchedulingGates';

export const schedulingGates: PreEnqueuePlugin = {
  name,
  preEnqueue({ spec }) {
    const gates = spec.schedulingGates ?? [];
    return gates.length === 0 ? undefined : unresolvable(name, `waiting for scheduling gates: [${gates.map((gate) => gate.name).join(' ')}]`);
  },
};
