import process from 'node:process';
import { join, resolve } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { createLogger, type LogLevel } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { localUrl, startApiServer } from '../../cluster/api-server.ts';
import { writeKubeconfig } from '../../cluster/pki/kubeconfig.ts';
import { componentSubjects } from '../../cluster/pki/pki.ts';
import { etcdAccess, type DatastoreOptions } from '../datastore-options.ts';
import { logSink } from '../log-sink.ts';
import { wholeNumber } from '../numbers.ts';
import { bold, cyan, green, say } from '../terminal.ts';
import { untilToldToStop } from '../until-stopped.ts';

export interface ApiServerCommandOptions extends DatastoreOptions {
  readonly host: string;
  readonly port: string;
  readonly serviceCidr: string;
  readonly kubeconfig?: string;
  readonly output: string;
  readonly logLevel: string;
}

/** Runs only the API server, until it is told to stop. */
export async function apiserver(options: ApiServerCommandOptions): Promise<void> {
  const machine = options.output === 'json';
  const clock = systemClock();
  const server = await startApiServer({
    datastore: options.datastore,
    etcd: etcdAccess(options),
    dataDir: resolve(options.dataDir),
    host: options.host,
    port: wholeNumber(options.port, '--port'),
    serviceCidrs: options.serviceCidr.split(','),
    clock,
    random: systemRandom(),
    logger: createLogger(logSink(machine ? 'json' : 'text'), options.logLevel as LogLevel),
  });
  const url = localUrl(options.host, server.port);
  const kubeconfig = resolve(options.kubeconfig ?? join(options.dataDir, 'kubeconfig'));
  writeKubeconfig(kubeconfig, {
    server: url,
    authorityCertificate: server.pki.authorityCertificate,
    user: componentSubjects.admin.commonName,
    issue: () => server.pki.issueClientCertificate(componentSubjects.admin),
    clock,
  });
  const readyMs = Math.round(process.uptime() * 1000);
  if (machine) say(JSON.stringify({ ready: true, url, kubeconfig, apiReadyMs: readyMs }));
  else say(`${green('ready')} ${bold(url)} in ${(readyMs / 1000).toFixed(2)} s\n\n  ${cyan(`export KUBECONFIG=${kubeconfig}`)}\n`);
  await untilToldToStop();
  await server.stop();
}
