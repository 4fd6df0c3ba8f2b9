/** Runs controllers against the in-memory API, with a clock that the test moves. */
import { createLogger } from '../../base/logger.ts';
import { MetricRegistry } from '../../base/metrics/registry.ts';
import { seededRandom } from '../../base/random.ts';
import { Client } from '../../client/client.ts';
import { FakeApi } from '../../client/testing/fake-api.ts';
import { ManualClock, settle } from '../../client/testing/manual-clock.ts';
import { exchangeTransport } from '../../client/transports/exchange.ts';
import type { ControllerSettings } from '../controller-catalogue.ts';
import { startControllers } from '../manager.ts';

export interface FakeCluster {
  readonly api: FakeApi;
  readonly clock: ManualClock;
  readonly client: Client;
  stop(): Promise<void>;
}

/** `prepare` fills the API before the controllers start. */
export async function startWithFakeApi(names: readonly string[], prepare: (api: FakeApi) => void = () => {}, settings: ControllerSettings = {}): Promise<FakeCluster> {
  const api = new FakeApi();
  prepare(api);
  const clock = new ManualClock();
  const client = new Client(exchangeTransport(api.handler, { username: 'system:kube-controller-manager', groups: [] }), { clock });
  const stopping = new AbortController();
  const logger = createLogger(({ message, fields }) => process.stderr.write(`${message} ${String(fields['error'])}\n`), 'error');
  const manager = await startControllers({
    client,
    clock,
    random: seededRandom(1),
    logger,
    metrics: new MetricRegistry(),
    signal: stopping.signal,
    enabled: (name) => names.includes(name),
    rootCa: 'the authority',
    signLegacyToken: async () => 'a token',
    ...settings,
  });
  await settle();
  return {
    api,
    clock,
    client,
    async stop() {
      stopping.abort();
      await manager.stopped;
    },
  };
}
