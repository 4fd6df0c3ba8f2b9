/**
 * The `coxswain` command: one file a subcommand under commands/, loaded when it
 * is called, so that `up` does not pay for `bench`.
 */
import process from 'node:process';
import { Command, CommanderError } from 'commander';
import { withDatastoreOptions } from './datastore-options.ts';
import { fail } from './terminal.ts';

export async function main(args: readonly string[]): Promise<void> {
  const program = new Command('coxswain')
    .description('Kubernetes, the whole system, in one process')
    .exitOverride()
    .showHelpAfterError();

  withDatastoreOptions(program.command('up'))
    .description('start a cluster: API server, controllers, scheduler and hollow nodes')
    .option('--nodes <n>', 'hollow nodes', '3')
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--port <port>', 'the API server’s port; 0 takes a free one', '6443')
    .option('--kubeconfig <file>', 'where to write the kubeconfig (default: kubeconfig in the data dir)')
    .option('--stages <file>', 'how the containers of hollow nodes behave: Behaviours and kwok’s Stages, in YAML')
    .option('--runtime <runtime>', 'hollow, or containerd for this machine as a real node', 'hollow')
    .option('--output <format>', 'text or json', 'text')
    .option('--log-level <level>', 'debug, info, warn or error', 'warn')
    .action(async (options) => (await import('./commands/up.ts')).up(options));

  withDatastoreOptions(program.command('apiserver'))
    .description('run only the API server')
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--port <port>', 'the port to listen on', '6443')
    .option('--kubeconfig <file>', 'where to write the administrator’s kubeconfig')
    .option('--output <format>', 'text or json', 'text')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options) => (await import('./commands/apiserver.ts')).apiserver(options));

  const metricsOption = (port: number) => ['--metrics-port <port>', 'where on 127.0.0.1 to serve /metrics, /healthz, /livez and /readyz; 0 takes a free one', String(port)] as const;
  for (const [part, port] of [['controllers', 10257], ['scheduler', 10259]] as const) {
    const command = program
      .command(part)
      .description(`run only the ${part}, against any API server`)
      .requiredOption('--kubeconfig <file>', 'how to reach the API server')
      .option(...metricsOption(port))
      .option('--log-level <level>', 'debug, info, warn or error', 'info')
      .action(async (options) => (await import('./commands/brains.ts')).runBrains(part, options));
    if (part === 'controllers') command.option('--service-account-private-key-file <file>', 'the key (PEM) that signs the tokens of token secrets; without it they stay empty');
  }

  program
    .command('hollow')
    .description('run hollow nodes against any API server')
    .requiredOption('--kubeconfig <file>', 'how to reach the API server')
    .option('--nodes <n>', 'how many', '3')
    .option('--name-prefix <prefix>', 'their names are the prefix and a number', 'hollow-')
    .option(...metricsOption(0))
    .option('--stages <file>', 'how the containers of hollow nodes behave: Behaviours and kwok’s Stages, in YAML')
    .option('--credentials <kind>', 'certificates (from the cluster’s signer, a connection each), impersonation (over a few connections), or auto: certificates for up to 100 nodes where the cluster signs them', 'auto')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options) => (await import('./commands/hollow.ts')).hollow(options));

  program
    .command('slo')
    .description('say whether a cluster keeps its service level objectives; exits with 1 where it does not, with 2 where that cannot be known')
    .option('--kubeconfig <file>', 'how to reach the API server', process.env['KUBECONFIG'] ?? './.coxswain/kubeconfig')
    .option('--output <format>', 'text or json', 'text')
    .action(async (options) => (await import('./commands/slo.ts')).slo(options));

  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode;
      return;
    }
    if (error instanceof Error && (error.name === 'UsageError' || 'code' in error)) fail(error.message);
    else fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exitCode = 1;
  }
}
