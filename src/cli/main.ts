/**
 * The `coxswain` command: one file a subcommand under commands/, loaded when it
 * is called, so that `up` does not pay for `bench`.
 */
import { Command, CommanderError } from 'commander';
import { fail } from './terminal.ts';

export async function main(args: readonly string[]): Promise<void> {
  const program = new Command('coxswain')
    .description('Kubernetes, the whole system, in one process')
    .exitOverride()
    .showHelpAfterError();

  program
    .command('up')
    .description('start a cluster: API server, controllers, scheduler and hollow nodes')
    .option('--nodes <n>', 'hollow nodes', '3')
    .option('--datastore <store>', 'sqlite, memory, or the http(s) address of an etcd (several with commas)', 'sqlite')
    .option('--data-dir <dir>', 'where the cluster is kept', './.coxswain')
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--port <port>', 'the API server’s port; 0 takes a free one', '6443')
    .option('--kubeconfig <file>', 'where to write the kubeconfig (default: kubeconfig in the data dir)')
    .option('--stages <file>', 'how the containers of hollow nodes behave: Behaviours and kwok’s Stages, in YAML')
    .option('--runtime <runtime>', 'hollow, or containerd for this machine as a real node', 'hollow')
    .option('--output <format>', 'text or json', 'text')
    .option('--log-level <level>', 'debug, info, warn or error', 'warn')
    .action(async (options) => (await import('./commands/up.ts')).up(options));

  program
    .command('apiserver')
    .description('run only the API server')
    .option('--datastore <store>', 'sqlite, memory, or the http(s) address of an etcd', 'sqlite')
    .option('--data-dir <dir>', 'where keys, certificates and data are kept', './.coxswain')
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--port <port>', 'the port to listen on', '6443')
    .option('--kubeconfig <file>', 'where to write the administrator’s kubeconfig')
    .option('--output <format>', 'text or json', 'text')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options) => (await import('./commands/apiserver.ts')).apiserver(options));

  for (const part of ['controllers', 'scheduler'] as const) {
    const command = program
      .command(part)
      .description(`run only the ${part}, against any API server`)
      .requiredOption('--kubeconfig <file>', 'how to reach the API server')
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
    .option('--stages <file>', 'how the containers of hollow nodes behave: Behaviours and kwok’s Stages, in YAML')
    .option('--credentials <kind>', 'certificates (from the cluster’s signer, a connection each), impersonation (over a few connections), or auto: certificates for up to 100 nodes where the cluster signs them', 'auto')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options) => (await import('./commands/hollow.ts')).hollow(options));

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
