import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { createLogger, type LogRecord } from '../base/logger.ts';
import { startThread } from './thread.ts';

test('a part that cannot start has failed, is not ready, and is told of once', async () => {
  const logged: LogRecord[] = [];
  const part = startThread(() => {}, systemClock(), createLogger((record) => logged.push(record), 'warn'), { options: { parts: 'nothing' }, logLevel: 'warn' });
  await assert.rejects(part.failed, /there is no part nothing/);
  await assert.rejects(part.ready, /there is no part nothing/);
  assert.deepEqual(logged.map(({ message, fields }) => [message, fields['part']]), [['a part of the cluster has failed', 'nothing']]);
  await part.stop(1000);
});
