/**
 * A report on service levels as a table: a line for each kind of objective, with
 * the worst of its kind, and below it all others that miss theirs.
 */
import { sloObjectives, type SloReading, type SloReport, type SloSeconds, type SloVerdict } from '../api/slo.ts';

/** Its text, and what it says, for whoever gives it a colour. */
export interface Cell {
  readonly text: string;
  readonly tone?: 'good' | 'bad' | 'quiet';
}

interface Kind {
  readonly title: string;
  /** What has one is shown even where nothing was measured. */
  readonly objectiveSeconds?: number;
  readonly has: (reading: SloReading) => boolean;
}

const reads = (scope: string) => (reading: SloReading) => reading.sli === 'api-call-latency-readonly' && reading.of['scope'] === scope;
const phase = (name: string) => (reading: SloReading) => reading.sli === 'pod-startup-latency' && reading.of['phase'] === name;

const kinds: readonly Kind[] = [
  { title: 'API calls that change one object', objectiveSeconds: sloObjectives.mutating, has: ({ sli }) => sli === 'api-call-latency-mutating' },
  { title: 'API reads of one object', objectiveSeconds: sloObjectives.reading.resource, has: reads('resource') },
  { title: 'API lists of a namespace', objectiveSeconds: sloObjectives.reading.namespace, has: reads('namespace') },
  { title: 'API lists of the cluster', objectiveSeconds: sloObjectives.reading.cluster, has: reads('cluster') },
  { title: 'Pod start-up', objectiveSeconds: sloObjectives.podStartup, has: phase('pod_startup') },
  { title: '  created to scheduled', has: phase('create_to_schedule') },
  { title: '  scheduled to running', has: phase('schedule_to_run') },
  { title: '  running to watched', has: phase('run_to_watch') },
  { title: 'Watch latency', has: ({ sli }) => sli === 'watch-latency' },
];

const unmeasuredTitles: Readonly<Record<string, string>> = {
  'network-programming-latency': 'Network programming',
  'dns-programming-latency': 'DNS programming',
  'in-cluster-network-latency': 'In-cluster network',
  'in-cluster-dns-latency': 'In-cluster DNS',
};

export function sloTable({ indicators, unmeasured }: SloReport): Cell[][] {
  const head = ['SLI', 'objective', 'last 5 minutes', 'day', 'verdict'].map((text): Cell => ({ text, tone: 'quiet' }));
  return [
    head,
    ...kinds.flatMap((kind) => linesOf(kind, indicators.filter(kind.has))),
    ...unmeasured.map(({ sli, reason }): Cell[] => [{ text: unmeasuredTitles[sli] ?? sli, tone: 'quiet' }, { text: '' }, { text: `not measured: ${reason}`, tone: 'quiet' }]),
  ];
}

function linesOf({ title, objectiveSeconds }: Kind, readings: readonly SloReading[]): Cell[][] {
  const [worst, ...others] = readings.toSorted((a, b) => badness(b) - badness(a));
  if (!worst) return objectiveSeconds === undefined ? [] : [[{ text: title }, { text: `≤ ${secondsText(objectiveSeconds)}` }, { text: '–' }, { text: '–' }, verdictCell('noData')]];
  const lines = [lineOf(title, worst, nameOf(worst))];
  for (const reading of others) if (reading.verdict === 'violated') lines.push(lineOf('', reading, nameOf(reading)));
  return lines;
}

function lineOf(title: string, { objectiveSeconds, last5Minutes, day, verdict }: SloReading, name: string): Cell[] {
  const recent = last5Minutes ? `${secondsText(last5Minutes.p99Seconds)}${name === '' ? '' : `  ${name}`}` : '–';
  const past = day ? `${secondsText(day.p99Seconds)}${day.bad > 0 ? `, ${day.bad} of ${day.windows} windows bad` : ''}` : '–';
  return [{ text: title }, { text: objectiveSeconds === undefined ? '' : `≤ ${secondsText(objectiveSeconds)}` }, { text: recent }, { text: past }, verdict ? verdictCell(verdict) : { text: '' }];
}

function nameOf({ of, last5Minutes }: SloReading): string {
  const { verb, resource } = of;
  const what = [verb, resource].filter((part) => part !== undefined).join(' ');
  return what === '' && last5Minutes ? `${last5Minutes.count} pods` : what;
}

/** How near to its objective, or beyond it: what orders readings of one kind. */
function badness({ objectiveSeconds = 1, last5Minutes, day }: SloReading): number {
  const worst = Math.max(...[last5Minutes?.p99Seconds, day?.p99Seconds].map((seconds) => (seconds === null ? Infinity : (seconds ?? 0))));
  return worst / objectiveSeconds;
}

function verdictCell(verdict: SloVerdict): Cell {
  if (verdict === 'noData') return { text: 'no data', tone: 'quiet' };
  return { text: verdict, tone: verdict === 'met' ? 'good' : 'bad' };
}

function secondsText(seconds: SloSeconds): string {
  if (seconds === null) return '> 1024 s';
  if (seconds < 0.01) return `${Number((seconds * 1000).toPrecision(2))} ms`;
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${Number(seconds.toPrecision(3))} s`;
}
