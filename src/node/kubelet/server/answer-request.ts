/** What a node answers to what is no stream. */
import type { ServerResponse } from 'node:http';
import { localVolumesRoute } from '../../../api/local-volumes.ts';
import type { Clock } from '../../../base/clock.ts';
import type { MetricRegistry } from '../../../base/metrics/registry.ts';
import { sendLogs } from './container-logs.ts';
import { sendLogFile } from './log-files.ts';
import { cadvisorPage, healthPage, metricsPage, runningPods, type Page } from './node-pages.ts';
import { NodeError, type ServedNode } from './served-node.ts';
import { statsSummary } from './summary.ts';
import { resourceMetrics } from './usage.ts';

/** What the nodes of a process have in common to tell. */
export interface NodePages {
  readonly metrics: MetricRegistry;
  /** As the fields of a KubeletConfiguration. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** Where the machine's logs lie; undefined: there are none to be told. */
  readonly logsDirectory?: string;
}

export interface NodeQuestion {
  readonly node: ServedNode;
  readonly pages: NodePages;
  readonly clock: Clock;
  readonly method: string;
  readonly accept: string | undefined;
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Throws NodeError. */
export async function answerRequest(question: NodeQuestion, response: ServerResponse): Promise<void> {
  const { node, pages, clock, method, path, query } = question;
  const [root = '', ...segments] = path.split('/').slice(1).map(decodeURIComponent);
  switch (root) {
    case 'healthz':
      return sendPage(response, healthPage(segments));
    case 'configz':
      return sendJson(response, { kubeletconfig: pages.configuration });
    case 'pods':
      return sendJson(response, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: node.pods() });
    case 'runningpods':
      return sendJson(response, await runningPods(node));
    case 'containerLogs':
      return sendLogs(node, clock, segments, query, response);
    case 'logs':
      return sendLogFile(pages.logsDirectory, path, segments.filter((segment) => segment !== ''), response);
    case 'metrics':
      return sendPage(response, await figures(question, segments.join('/')));
    case 'stats':
      if (segments[0] === 'summary') return sendJson(response, await statsSummary(node, clock.now()));
      break;
    case localVolumesRoute:
      return sendJson(response, await changeLocalVolume(node, method, segments));
    case 'exec':
    case 'attach':
    case 'portForward':
      throw new NodeError(400, 'Upgrade request required');
  }
  throw new NodeError(404, '404 page not found\n');
}

async function figures({ node, pages, clock, accept }: NodeQuestion, part: string): Promise<Page> {
  switch (part) {
    case '':
      return metricsPage(pages.metrics, accept, false);
    case 'probes':
      return metricsPage(pages.metrics, accept, true);
    case 'resource':
      return { contentType: 'text/plain; version=0.0.4; charset=utf-8', text: await resourceMetrics(node, clock.now()) };
    case 'cadvisor':
      return cadvisorPage(node, accept);
  }
  throw new NodeError(404, '404 page not found\n');
}

async function changeLocalVolume({ localVolumes }: ServedNode, method: string, [volume = '']: readonly string[]): Promise<object> {
  if (!localVolumes) throw new NodeError(404, '404 page not found\n');
  if (method === 'POST') return { path: await localVolumes.create(volume) };
  if (method !== 'DELETE') throw new NodeError(405, 'Method Not Allowed');
  await localVolumes.remove(volume);
  return {};
}

function sendPage(response: ServerResponse, { text, contentType }: Page): void {
  response.writeHead(200, { 'content-type': contentType });
  response.end(text);
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}
