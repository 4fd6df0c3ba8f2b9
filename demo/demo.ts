/**
 * The demo: a rolling update under load, watched in the browser.
 *
 * It is a client of any cluster: it starts one of its own unless it is given a
 * kubeconfig. On real nodes servers and bots are containers, and every figure is
 * measured by the bots; with --hollow nodes pretend and the traffic is modelled
 * from what the API says (model.ts), which page and terminal say all the time.
 */
import process from 'node:process';
import { Command } from 'commander';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { systemRandom } from '../src/base/random.ts';
import { Client } from '../src/client/client.ts';
import { loadKubeconfig } from '../src/client/kubeconfig.ts';
import { http2Transport } from '../src/client/transports/http2.ts';
import { ClusterMap } from './cluster-map.ts';
import { demoImage } from './image.ts';
import { ModelledTraffic } from './model.ts';
import { startOwnCluster } from './own-cluster.ts';
import { servePage } from './page-server.ts';
import type { Page } from './page-server.ts';
import { DemoRun } from './run.ts';
import type { Point, Verdict } from './run.ts';
import { removeDemo, runScenario } from './scenario.ts';
import type { ScenarioOptions } from './scenario.ts';
import { MeasuredTraffic } from './traffic.ts';
import type { Traffic } from './traffic.ts';

interface Options {
  readonly hollow?: boolean;
  readonly kubeconfig?: string;
  readonly nodes?: string;
  readonly servers?: string;
  readonly bots?: string;
  readonly rate?: string;
  readonly perServer: string;
  readonly seconds?: string;
  readonly port: string;
  readonly output: string;
}

const clock = systemClock();
const image = 'localhost/coxswain-demo:1';
const connectionsPerBot = 16;
/** On one machine, and on a thousand that pretend: ten million requests a second. */
const sizes = { real: { nodes: 2, servers: 4, bots: 4, rate: 500 }, hollow: { nodes: 1000, servers: 1000, bots: 1000, rate: 10_000 } } as const;

const simulatedNote = 'SIMULATED: no container runs and no request is sent. Pods, endpoints and the rollout are real objects of a real control plane; nodes pretend, and requests and latencies are computed from the endpoints (M/M/1 queues).';

const program = new Command('demo')
  .description('a rolling update under load, watched in the browser')
  .option('--hollow', 'nodes that pretend, and traffic that is computed')
  .option('--kubeconfig <file>', 'a cluster to run on, instead of one of its own')
  .option('--nodes <n>', `of its own cluster (${sizes.real.nodes}; hollow ${sizes.hollow.nodes})`)
  .option('--servers <n>', `(${sizes.real.servers}; hollow ${sizes.hollow.servers})`)
  .option('--bots <n>', `(${sizes.real.bots}; hollow ${sizes.hollow.bots})`)
  .option('--rate <n>', `requests a second of each bot (${sizes.real.rate}; hollow ${sizes.hollow.rate})`)
  .option('--per-server <n>', 'hollow: requests a second that a server could answer', '20000')
  .option('--seconds <n>', 'ramp, quiet and after together, the update aside; then it ends by itself (default: 60, and it stays until Ctrl-C)')
  .option('--port <port>', 'of the page, on 127.0.0.1; 0 takes a free one', '8090')
  .option('--output <format>', 'text or json', 'text');

await demo(program.parse().opts());

async function demo(options: Options): Promise<void> {
  const hollow = options.hollow ?? false;
  const size = sizes[hollow ? 'hollow' : 'real'];
  const number = (text: string | undefined, usual: number) => (text === undefined ? usual : Number(text));
  const scenario: ScenarioOptions = {
    hollow,
    image,
    connectionsPerBot,
    servers: number(options.servers, size.servers),
    bots: number(options.bots, size.bots),
    perBot: number(options.rate, size.rate),
    seconds: number(options.seconds, 60),
  };
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort(new Error('stopped')));
  await using opened = new AsyncDisposableStack();
  const page = await servePage(Number(options.port));
  opened.defer(() => page.close());
  say(options, hollow ? simulatedNote : '');
  if (options.output === 'json') process.stdout.write(`${JSON.stringify({ page: page.url })}\n`);
  say(options, `page: ${page.url}`);
  page.tell({ title: `${scenario.servers} servers, ${scenario.bots} load bots`, simulated: hollow ? simulatedNote : '' });
  try {
    const own = options.kubeconfig ? undefined : await startOwnCluster(number(options.nodes, size.nodes), hollow ? undefined : demoImage(image), stopping.signal);
    if (own) opened.defer(() => own.stop());
    const client = new Client(http2Transport(loadKubeconfig(own?.kubeconfig ?? (options.kubeconfig as string)), { clock }), { clock, userAgent: 'coxswain-demo' });
    if (!own) opened.defer(() => removeDemo(client));
    const map = new ClusterMap(client, { clock, random: systemRandom(), logger: silentLogger });
    opened.defer(() => stopping.abort(new Error('over')));
    await map.start(stopping.signal);
    const traffic = hollow ? new ModelledTraffic(map, { perBot: scenario.perBot, perServer: Number(options.perServer) }, clock) : new MeasuredTraffic(client);
    const verdict = await Promise.race([play(client, map, traffic, scenario, page, options, stopping.signal), own?.ended ?? new Promise<never>(() => {})]);
    finish(options, verdict, hollow);
    process.exitCode = verdict.passed ? 0 : 1;
    if (options.seconds === undefined && !stopping.signal.aborted) {
      say(options, 'Ctrl-C ends it');
      await new Promise((resolve) => stopping.signal.addEventListener('abort', resolve));
    }
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
  }
}

/** The scenario, and beside it once a second what there is to see. */
async function play(client: Client, map: ClusterMap, traffic: Traffic, scenario: ScenarioOptions, page: Page, options: Options, signal: AbortSignal): Promise<Verdict> {
  const run = new DemoRun();
  const thisSecond = () => Math.floor(clock.now() / 1000);
  let over = false;
  const look = async () => {
    // Before the aggregator runs there is nobody to ask.
    const points = (await traffic.seconds().catch(() => [])).map((second) => run.add(second));
    for (const point of points) if (point.success !== undefined) say(options, lineOf(point, scenario.hollow));
    page.tell({ phase: run.phase, points, nodes: map.changes() });
  };
  const looking = (async () => {
    while (!over) {
      await look();
      await clock.sleep(1000, signal);
    }
  })();
  await Promise.race([runScenario(client, map, scenario, (phase) => run.begin(phase, thisSecond() + 1), signal), looking]);
  const end = thisSecond();
  while (run.last < end) await clock.sleep(200, signal);
  over = true;
  await looking;
  const verdict = run.verdict();
  page.tell({ verdict, nodes: map.changes() });
  return verdict;
}

function lineOf({ phase, perSecond, meanMs, p99Ms, success, failed, versions }: Point, hollow: boolean): string {
  const served = Object.entries(versions).map(([version, count]) => `${version} ${count.toLocaleString('en')}`).join('  ');
  const percent = success === undefined ? '-' : `${(100 * success).toFixed(3)} %`;
  return `${hollow ? 'simulated ' : ''}${phase.padEnd(7)}${perSecond.toLocaleString('en').padStart(11)}/s  mean ${meanMs.toFixed(2)} ms  p99 ${p99Ms.toFixed(2)} ms  ${percent}${failed > 0 ? `  ${failed} FAILED` : ''}  ${served}`;
}

function finish(options: Options, verdict: Verdict, hollow: boolean): void {
  if (options.output === 'json') {
    process.stdout.write(`${JSON.stringify({ simulated: hollow, ...verdict })}\n`);
    return;
  }
  for (const { phase, seconds, requests, failed, perSecond, meanMs, p99Ms } of verdict.phases)
    say(options, `${phase.padEnd(7)} ${seconds} s, ${requests.toLocaleString('en')} requests, ${failed} failed, ${Math.round(perSecond).toLocaleString('en')}/s, mean ${meanMs.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`);
  const failures = Object.entries(verdict.failures).map(([reason, count]) => `${reason}: ${count}`).join(', ');
  say(options, `${verdict.passed ? 'passed' : 'NOT PASSED'}: ${verdict.failed} of ${verdict.requests.toLocaleString('en')} requests failed${failures ? ` (${failures})` : ''}; p99 during the update ${verdict.p99Ratio.toFixed(2)} times what it was before${hollow ? ' (simulated)' : ''}`);
}

function say(options: Options, line: string): void {
  if (options.output === 'text' && line !== '') process.stdout.write(`${line}\n`);
}
