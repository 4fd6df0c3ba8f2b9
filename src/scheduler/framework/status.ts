/** What a plugin says of a pod, or of a pod on a node, when it is not yes. Yes is `undefined`. */
export interface Status {
  /**
   * `unschedulable`: no, but removing pods might help. `unresolvable`: no, and
   * removing pods would not help. `error`: a bug or a broken object.
   */
  readonly code: 'unschedulable' | 'unresolvable' | 'error';
  readonly plugin: string;
  readonly reasons: readonly string[];
}

export function unschedulable(plugin: string, ...reasons: string[]): Status {
  return { code: 'unschedulable', plugin, reasons };
}

export function unresolvable(plugin: string, ...reasons: string[]): Status {
  return { code: 'unresolvable', plugin, reasons };
}
