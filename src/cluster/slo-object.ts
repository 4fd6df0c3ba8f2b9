/**
 * The verdict on the cluster's service levels as an object of its API: the
 * ConfigMap kube-system/coxswain-slo. An ordinary object, because then every
 * client can read and watch it under the usual rules, it is still there when
 * the server is not, and discovery shows no kind that upstream does not have.
 */
import type { KubeObject } from '../api/object.ts';
import type { SloReport } from '../api/slo.ts';
import { assert } from '../base/assert.ts';
import type { Timer } from '../base/clock.ts';
import type { ApiServerParts } from '../server/http/call.ts';

const namespace = 'kube-system';
const name = 'coxswain-slo';
const periodMs = 60_000;

/** Writes it once a minute, where it has changed. */
export function publishSlo(parts: ApiServerParts): Timer {
  let writing = false;
  return parts.clock.every(periodMs, () => {
    if (writing) return;
    writing = true;
    write(parts)
      .catch((error: unknown) => parts.logger.warn('the service levels could not be written', { error }))
      .finally(() => (writing = false));
  });
}

async function write({ catalogue, registry, slo }: ApiServerParts): Promise<void> {
  const info = catalogue.lookup('', 'v1', 'configmaps');
  assert(info, 'config maps are served');
  const data = dataOf(slo.report());
  if (await registry.get(info, namespace, name)) await registry.amend(info, name, (current) => ({ ...current, data }), { namespace, dryRun: false });
  else await registry.install(info, { kind: 'ConfigMap', apiVersion: 'v1', metadata: { namespace, name }, data } as KubeObject);
}

/** Without the time and the counts: a cluster that does the same as before has the same verdict, and nothing to write. */
function dataOf({ verdict, since, indicators, unmeasured }: SloReport): Record<string, string> {
  const lines = indicators.map(({ sli, of, objectiveSeconds, last5Minutes, day, verdict: own }) =>
    JSON.stringify({ sli, ...of, objectiveSeconds, last5MinutesP99Seconds: last5Minutes?.p99Seconds, day, verdict: own }),
  );
  return { verdict, since, indicators: lines.join('\n'), unmeasured: unmeasured.map(({ sli, reason }) => `${sli}: ${reason}`).join('\n') };
}
