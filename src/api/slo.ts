/**
 * What a Coxswain API server says of its service levels at /debug/slo. The
 * indicators and objectives are those of sig-scalability (kubernetes/community,
 * sig-scalability/slos).
 */
/** For the 99th percentiles, in seconds. Reads by their scope: of one object, of a namespace, of the cluster. */
export const sloObjectives = {
  mutating: 1,
  reading: { resource: 1, namespace: 5, cluster: 30 },
  podStartup: 5,
} as const;

export type SloVerdict = 'met' | 'violated' | 'noData';

export interface SloReport {
  /** RFC 3339: when this was read, and since when there are measurements. */
  readonly time: string;
  readonly since: string;
  /** Violated where any indicator with an objective is. */
  readonly verdict: SloVerdict;
  readonly indicators: readonly SloReading[];
  /** What this cluster has no machinery for. */
  readonly unmeasured: readonly { readonly sli: string; readonly reason: string }[];
}

export interface SloReading {
  readonly sli: 'api-call-latency-mutating' | 'api-call-latency-readonly' | 'pod-startup-latency' | 'watch-latency';
  /** Which of its kind: `{ verb, resource }`, `{ scope, resource }`, `{ phase }`. Resources are written `pods/status`, `deployments.apps`. */
  readonly of: Readonly<Record<string, string>>;
  /** For the 99th percentile; left out where sig-scalability has set none. */
  readonly objectiveSeconds?: number;
  readonly last5Minutes?: { readonly count: number; readonly p50Seconds: SloSeconds; readonly p99Seconds: SloSeconds };
  /**
   * The windows of five minutes that have ended in the last 24 hours and saw
   * something; `bad` of them missed the objective. `p99Seconds` is what 99 % of
   * the windows kept with their own 99th percentile.
   */
  readonly day?: { readonly windows: number; readonly bad: number; readonly p99Seconds: SloSeconds };
  readonly verdict?: SloVerdict;
}

/** Told at most an eighth too high. Null: more than is told apart, 1024 s. */
export type SloSeconds = number | null;
