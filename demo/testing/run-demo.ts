/** For tests: the demo as a process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Verdict } from '../run.ts';

export type ShortVerdict = Verdict & { readonly simulated: boolean };

/** The short form: calls `watch` with the page's address while it runs. */
export async function runDemo(args: readonly string[], watch: (url: string) => Promise<void>): Promise<ShortVerdict> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../demo.ts'), '--output', 'json', '--port', '0', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value as string) as unknown;
    const { page } = (await next()) as { page: string };
    const [verdict] = await Promise.all([next(), watch(page)]);
    return verdict as ShortVerdict;
  } finally {
    child.kill('SIGTERM');
    // Its cluster ends with it.
    await exited;
  }
}
