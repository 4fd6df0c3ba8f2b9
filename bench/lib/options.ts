/** What a user can ask of a benchmark. Each reads what it knows; what is left out has the benchmark's own default. */
export interface BenchOptions {
  readonly nodes?: number;
  readonly podsPerNode?: number;
  /** The load client's limit: requests a second, and how many at once. */
  readonly qps: number;
  readonly burst: number;
  /** Pods a second that the load's windows are made for. */
  readonly rate: number;
  /** Of `load`. */
  readonly form: '1.2' | 'modern';
  /** Single pods of the latency phase. */
  readonly latencyPods?: number;
  readonly durationS?: number;
  /** Objects, clients, watchers, pods: whatever a benchmark has many of. */
  readonly count?: number;
  readonly seed: number;
  /** A cluster that is there; without it the benchmark starts one of its own. */
  readonly kubeconfig?: string;
  /** Start hollow nodes against it. */
  readonly fleet: boolean;
  /** For the hollow nodes, where their user is another one. */
  readonly fleetKubeconfig?: string;
  /** The given server's, to measure its CPU and memory. */
  readonly serverPid?: number;
  readonly datastore: string;
  /** Where servers of our own leave CPU profiles, one a thread. */
  readonly profile?: string;
  /** Where upstream's executables are, if not in PATH. */
  readonly upstreamDir?: string;
  /** Of a benchmark's parts, those whose names hold this. */
  readonly only?: string;
}

export const isWanted = ({ only }: BenchOptions, part: string): boolean => !only || part.includes(only);
