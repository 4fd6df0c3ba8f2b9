import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import type { LogLine } from '../kubelet/runtime.ts';
import { EntrySplitter, parseEntry } from './log-lines.ts';
import { readLog, type LogReading } from './log-reader.ts';

const directory = await mkdtemp(join(tmpdir(), 'coxswain-logs-'));
after(() => rm(directory, { recursive: true }));

const clock = systemClock();
const entry = (n: number, tag = 'F') => `2026-01-01T00:00:${String(n % 60).padStart(2, '0')}.000000001Z stdout ${tag} line ${n}\n`;
const reading = (path: string, more: Partial<LogReading> = {}): LogReading => ({ path, sinceMs: undefined, tailLines: undefined, follow: false, signal: new AbortController().signal, isRunning: () => false, ...more });
const texts = async (lines: AsyncIterable<LogLine>) => (await Array.fromAsync(lines)).map(({ text }) => text);

test('an entry: time, stream, whether its line goes on, and the text', () => {
  const parse = (text: string) => parseEntry(Buffer.from(text));
  assert.deepEqual(parse('2026-01-01T00:00:00.1Z stderr F a b'), { time: '2026-01-01T00:00:00.1Z', stream: 'stderr', text: 'a b\n', partial: false });
  assert.deepEqual(parse('2026-01-01T00:00:00.1Z stdout P: é'), { time: '2026-01-01T00:00:00.1Z', stream: 'stdout', text: 'é', partial: true });
  assert.equal(parse('2026-01-01T00:00:00.1Z stdout F ')?.text, '\n');
  for (const wrong of ['', 'a', 'a stdout', 'a stdout F', 'a other F b']) assert.equal(parse(wrong), undefined, wrong);
});

test('entries come whole however the bytes are cut', () => {
  const bytes = Buffer.from('one\ntwo\n\nthree\nfour');
  for (let size = 1; size < bytes.length; size++) {
    const splitter = new EntrySplitter();
    const entries: string[] = [];
    for (let at = 0; at < bytes.length; at += size) for (const found of splitter.push(bytes.subarray(at, at + size))) entries.push(Buffer.from(found).toString());
    assert.deepEqual(entries, ['one', 'two', '', 'three']);
  }
});

test('all, the last, none, and those since', async () => {
  const path = join(directory, 'plain.log');
  await writeFile(path, Array.from({ length: 5000 }, (_, n) => entry(n)).join(''));
  assert.equal((await texts(readLog(reading(path), clock))).length, 5000);
  for (const tailLines of [0, 1, 2, 1500, 4999, 5000, 6000]) {
    const last = await texts(readLog(reading(path, { tailLines }), clock));
    assert.equal(last.length, Math.min(tailLines, 5000));
    if (tailLines > 0) assert.equal(last.at(-1), 'line 4999\n');
  }
  await writeFile(path, [1, 2, 3].map((n) => entry(n)).join(''));
  assert.deepEqual(await texts(readLog(reading(path, { sinceMs: Date.parse('2026-01-01T00:00:02Z') }), clock)), ['line 2\n', 'line 3\n']);
});

test('parts of a line come together', async () => {
  const path = join(directory, 'parts.log');
  await writeFile(path, entry(1, 'P') + entry(2, 'F') + entry(3));
  assert.equal((await texts(readLog(reading(path), clock))).join(''), 'line 1line 2\nline 3\n');
});

test('a followed log goes on after a rotation, and ends with its container', async () => {
  const path = join(directory, 'followed.log');
  await writeFile(path, entry(0));
  let running = true;
  const lines = readLog(reading(path, { follow: true, isRunning: () => running }), clock);
  const next = async () => (await lines.next()).value?.text as string;
  assert.equal(await next(), 'line 0\n');
  const one = next();
  await appendFile(path, entry(1));
  assert.equal(await one, 'line 1\n');
  await appendFile(path, entry(2));
  await rename(path, `${path}.1`);
  await writeFile(path, entry(3));
  assert.equal(await next(), 'line 2\n');
  assert.equal(await next(), 'line 3\n');
  const last = next();
  await appendFile(path, entry(4));
  running = false;
  assert.equal(await last, 'line 4\n');
  assert.equal((await lines.next()).done, true);
});

test('a followed log ends when its reader has gone', async () => {
  const path = join(directory, 'left.log');
  await writeFile(path, '');
  const left = new AbortController();
  const lines = readLog(reading(path, { follow: true, isRunning: () => true, signal: left.signal }), clock);
  const end = lines.next();
  left.abort();
  assert.equal((await end).done, true);
});
