/**
 * The child of crash.test.ts: writes as fast as it can and says what has been
 * acknowledged, until it is killed. `<writer> <n> <revision>` a line.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { crashValue } from './crash-value.ts';
import { openSqliteStore } from './sqlite-store.ts';

const store = await openSqliteStore({
  directory: process.argv[2] as string,
  clock: systemClock(),
  logger: silentLogger,
});
const generation = process.argv[3] as string;

async function write(writer: number): Promise<void> {
  for (let n = 0; ; n++) {
    const key = `/crash/${generation}/${writer}/${n}`;
    const result = await store.commit({ key, expected: 0, value: crashValue(key) });
    if (result.outcome === 'committed') writeSync(1, `${key} ${result.revision}\n`);
    const shared = await store.get(`/crash/shared/${writer}`);
    await store.commit({
      key: `/crash/shared/${writer}`,
      expected: shared?.modRevision ?? 0,
      value: crashValue(`/crash/shared/${writer}`),
    });
    if (n % 50 === 49) await store.compact(await store.currentRevision()).catch(() => {});
  }
}

await Promise.all(Array.from({ length: 20 }, (_, writer) => write(writer)));
