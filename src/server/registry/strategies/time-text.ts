/** A metav1.Time: whole seconds, UTC. */
export function timeText(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
