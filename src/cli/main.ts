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
    .option('--nodes <n>', 'hollow nodes (default: 3, or none beside real ones)')
    .option('--real-nodes <n>', 'nodes with real containers, each in namespaces of its own (default: 1 with --runtime containerd)')
    .option('--image-archive <file>', 'an image that real nodes shall have (can be given several times)', (file: string, files: string[]) => [...files, file], [])
    .option('--cluster-cidr <cidr>', 'out of which nodes get the blocks for their pods (default: 10.244.0.0/16, or with real nodes here a network that is free on this computer)')
    .option('--service-cidr <cidrs>', 'where Services have their addresses: one block, or one of each family with a comma between (default: 10.96.0.0/12)')
    .option('--load-balancer-pool <cidrs>', 'blocks of addresses for Services of type LoadBalancer, with commas between (default: they get none)')
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--advertise-address <ip>', 'by which pods and nodes reach the API server (default: --host, where it is one that others can reach)')
    .option('--port <port>', 'the API server’s port; 0 takes a free one', '6443')
    .option('--kubeconfig <file>', 'where to write the kubeconfig (default: kubeconfig in the data dir)')
    .option('--cheap', 'one watch for all hollow nodes instead of one each: not for measurements')
    .option('--stages <file>', 'how the containers of hollow nodes behave: Behaviours and kwok’s Stages, in YAML')
    .option('--runtime <runtime>', 'of the nodes: hollow, containerd for real ones in machines of their own, or the socket of a running one (unix:///run/containerd/containerd.sock), which makes this computer itself a node', 'hollow')
    .option('--cni-conf-dir <dir>', 'with a socket: where that runtime looks for the CNI configuration, which is written there; empty: somebody else looks after the pod network (default: /etc/cni/net.d where that is empty)')
    .option('--output <format>', 'text or json', 'text')
    .option('--log-level <level>', 'debug, info, warn or error', 'warn')
    .action(async (options) => (await import('./commands/up.ts')).up(options));

  withDatastoreOptions(program.command('apiserver'))
    .description('run only the API server')
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--port <port>', 'the port to listen on', '6443')
    .option('--service-cidr <cidrs>', 'where Services have their addresses: one block, or one of each family with a comma between', '10.96.0.0/12')
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
    if (part !== 'controllers') continue;
    command
      .option('--service-account-private-key-file <file>', 'the key (PEM) that signs the tokens of token secrets; without it they stay empty')
      .option('--cluster-signing-cert-file <file>', 'the authority (PEM) that signs certificate requests; without it nobody approves or signs them')
      .option('--cluster-signing-key-file <file>', 'its key (PEM)')
      .option('--cluster-cidr <cidrs>', 'out of which nodes get the blocks for their pods; without it they bring their own')
      .option('--load-balancer-pool <cidrs>', 'blocks of addresses for Services of type LoadBalancer');
  }

  program
    .command('hollow')
    .description('run hollow nodes against any API server')
    .requiredOption('--kubeconfig <file>', 'how to reach the API server')
    .option('--nodes <n>', 'how many', '3')
    .option('--name-prefix <prefix>', 'their names are the prefix and a number', 'hollow-')
    .option(...metricsOption(0))
    .option('--cheap', 'one watch for all hollow nodes instead of one each: not for measurements')
    .option('--stages <file>', 'how the containers of hollow nodes behave: Behaviours and kwok’s Stages, in YAML')
    .option('--node-address <ip>', 'an address of this machine that all nodes have, where their logs and commands are served (default: an address each that leads nowhere, beside the name localhost)')
    .option('--credentials <kind>', 'certificates (from the cluster’s signer, a connection each), impersonation (over a few connections), or auto: certificates for up to 100 nodes where the cluster signs them', 'auto')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options) => (await import('./commands/hollow.ts')).hollow(options));

  const stubDomainOption = ['--stub-domain <domain=servers>', 'a domain with DNS servers of its own: corp.example=10.0.0.53,10.0.0.54 (can be given several times)', (text: string, texts: string[]) => [...texts, text], [] as string[]] as const;
  program
    .command('kubelet')
    .description('make this machine a node of a cluster, over a container runtime that speaks CRI')
    .option('--server <url>', 'the cluster to join; from the second start on what is kept in --root-dir is enough')
    .option('--token <token>', 'a bootstrap token of the cluster')
    .option('--ca-hash <hash>', 'sha256:… of the key of the cluster’s authority, as coxswain token create says it')
    .option('--kubeconfig <file>', 'instead: how to reach the API server, as system:node:<name>')
    .option('--node-name <name>', 'default: the host name')
    .option('--node-ip <address>', 'by which the other nodes reach this one, or one of each family with a comma between (default: the address that leads to the server)')
    .option('--runtime <socket>', 'the runtime’s socket', 'unix:///run/containerd/containerd.sock')
    .option('--root-dir <dir>', 'where pods, volumes and certificates are kept', '/var/lib/kubelet')
    .option('--logs-dir <dir>', 'where the logs of containers are kept', '/var/log/pods')
    .option('--pod-manifest-path <dir>', 'where manifests of static pods lie')
    .option('--cni-conf-dir <dir>', 'where the runtime looks for the CNI configuration, which is written there; empty: somebody else looks after the pod network', '/etc/cni/net.d')
    .option('--cleanup', 'at the end take pods, mounts, rules and the pod network from the machine; else containers go on')
    .option('--cgroup-root <path>', 'below which the cgroups of pods are made', '/')
    .option('--cluster-cidr <cidrs>', 'where pods have their addresses: who calls a Service from elsewhere gets the node’s address', '')
    .option('--service-cidr <cidrs>', 'where Services have their addresses (default: as the cluster says)')
    .option('--cluster-domain <domain>', 'of names in the cluster', 'cluster.local')
    .option(...stubDomainOption)
    .option('--node-labels <labels>', 'labels of the node: a=b,c=d')
    .option('--port <port>', 'of the node’s server', '10250')
    .option(...metricsOption(0))
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options) => (await import('./commands/kubelet.ts')).kubelet(options));

  program
    .command('proxy')
    .description('run only the proxy of Services and NetworkPolicies, beside another kubelet; the kubelet here has one of its own')
    .requiredOption('--kubeconfig <file>', 'how to reach the API server')
    .option('--node-name <name>', 'default: the host name')
    .option('--mode <mode>', 'nftables or iptables', 'nftables')
    .option('--cluster-cidr <cidrs>', 'where pods have their addresses', '')
    .option('--service-cidr <cidrs>', 'where Services have theirs', '10.96.0.0/12')
    .option('--cleanup', 'take the rules out of the kernel at the end')
    .option(...metricsOption(0))
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options) => (await import('./commands/proxy.ts')).proxy(options));

  program
    .command('dns')
    .description('run only the cluster’s DNS, against any API server; the kubelet here has one of its own')
    .requiredOption('--kubeconfig <file>', 'how to reach the API server')
    .option('--listen <addresses>', 'with commas between', '127.0.0.1')
    .option('--port <port>', 'for UDP and TCP; 0 takes a free one', '53')
    .option('--cluster-domain <domain>', 'of names in the cluster', 'cluster.local')
    .option('--upstream <servers>', 'who is asked for other names: addresses with commas between, or a resolv.conf', '/etc/resolv.conf')
    .option(...stubDomainOption)
    .option(...metricsOption(0))
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options) => (await import('./commands/dns.ts')).dns(options));

  const token = program.command('token').description('bootstrap tokens, with which machines join a cluster');
  const kubeconfigOption = ['--kubeconfig <file>', 'how to reach the API server', process.env['KUBECONFIG'] ?? './.coxswain/kubeconfig'] as const;
  token
    .command('create')
    .description('make a token and say how a machine joins with it')
    .argument('[token]', 'abcdef.0123456789abcdef; left out: one that nobody can guess')
    .option('--ttl <time>', 'how long it is good for; 0: without an end', '24h')
    .option('--description <text>', 'what it is for')
    .option(...kubeconfigOption)
    .action(async (given, options) => (await import('./commands/token.ts')).createToken(given, options));
  token
    .command('list')
    .description('all tokens, and how long they are good for')
    .option(...kubeconfigOption)
    .action(async (options) => (await import('./commands/token.ts')).listTokens(options));
  token
    .command('delete')
    .description('take a token back')
    .argument('<token>', 'it, or the part in front of the dot')
    .option(...kubeconfigOption)
    .action(async (given, options) => (await import('./commands/token.ts')).deleteToken(given, options));

  const image = program.command('image').description('images of the real nodes of a cluster on this computer');
  image
    .command('load')
    .description('bring an image archive (OCI’s or docker’s) onto the nodes, without a registry')
    .argument('<archive>', 'the file')
    .option('--node <name>', 'onto this node alone')
    .option('--data-dir <dir>', 'of the cluster', './.coxswain')
    .action(async (archive, options) => (await import('./commands/image.ts')).loadImage(archive, options));

  program
    .command('slo')
    .description('say whether a cluster keeps its service level objectives; exits with 1 where it does not, with 2 where that cannot be known')
    .option('--kubeconfig <file>', 'how to reach the API server', process.env['KUBECONFIG'] ?? './.coxswain/kubeconfig')
    .option('--output <format>', 'text or json', 'text')
    .action(async (options) => (await import('./commands/slo.ts')).slo(options));

  program
    .command('bench')
    .description('measure a cluster: one of its own, or any Kubernetes by its kubeconfig; without a name, lists what there is')
    .argument('[names...]', 'benchmarks, run one after another')
    .option('--nodes <n>', 'hollow nodes (default: the benchmark’s own)')
    .option('--pods-per-node <n>', 'pods on each node')
    .option('--qps <n>', 'requests a second of the client that makes the load', '50')
    .option('--burst <n>', 'and how many at once (default: twice --qps)')
    .option('--rate <n>', 'pods a second that the phases of load take their time from', '10')
    .option('--form <form>', 'of load: 1.2, or modern as clusterloader2 has it', '1.2')
    .option('--latency-pods <n>', 'single pods of the start-up latency phase')
    .option('--duration <seconds>', 'of benchmarks that run for a time')
    .option('--count <n>', 'objects, watchers or pods, of benchmarks that have many')
    .option('--seed <n>', 'of everything random', '1')
    .option('--kubeconfig <file>', 'measure this cluster')
    .option('--no-fleet', 'do not start hollow nodes against it')
    .option('--fleet-kubeconfig <file>', 'how the hollow nodes reach it')
    .option('--server-pid <pid>', 'its server’s process, to measure its CPU and memory')
    .option('--datastore <store>', 'of clusters of our own', 'sqlite')
    .option('--profile <dir>', 'where their servers leave CPU profiles')
    .option('--upstream-dir <dir>', 'of compare: where upstream’s executables are, if not in PATH')
    .option('--results <dir>', 'of compare: where its results go', 'docs/results')
    .option('--only <part>', 'of a benchmark’s parts, those whose names hold this')
    .option('--output <format>', 'text or json', 'text')
    .option('--html <file>', 'write a page with charts')
    .action(async (names, options) => (await import('./commands/bench.ts')).bench(names, options));

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
