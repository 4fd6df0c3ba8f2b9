/**
 * Many like requests, in batches of 1, 2, 4, 8 ... at once: if the first fails
 * (a quota, a webhook), so would all, and the server is spared the rest.
 */
export async function slowStart(count: number, request: (index: number) => Promise<void>): Promise<{ readonly succeeded: number; readonly failed: number; readonly error: unknown }> {
  let started = 0;
  let succeeded = 0;
  for (let batch = 1; started < count; batch *= 2) {
    const size = Math.min(batch, count - started);
    const results = await Promise.allSettled(Array.from({ length: size }, (_, i) => request(started + i)));
    started += size;
    const failures = results.filter((result) => result.status === 'rejected');
    succeeded += size - failures.length;
    if (failures.length > 0) return { succeeded, failed: count - succeeded, error: failures[0]!.reason };
  }
  return { succeeded, failed: 0, error: undefined };
}
