/** What hollow containers log and answer. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod } from '../../api/types/core-v1.ts';
import { ManualClock } from '../../client/testing/manual-clock.ts';
import type { ContainerStreams } from '../kubelet/runtime.ts';
import type { Behaviour, LogScript } from './behaviour.ts';
import { runScripted } from './command-script.ts';
import { logLines, type LoggingContainer } from './log-script.ts';

const pod: Pod = { metadata: { name: 'web', namespace: 'ns' }, spec: { containers: [] } };
const signal = new AbortController().signal;

describe('log scripts', () => {
  const clock = new ManualClock();
  const startedAtMs = clock.now();
  const container: { -readonly [K in keyof LoggingContainer]: LoggingContainer[K] } = { name: 'main', image: 'x', state: 'running', startedAtMs, finishedAtMs: 0 };
  const read = async (script: LogScript, options: { tailLines?: number; sinceMs?: number } = {}) => {
    const texts: string[] = [];
    const request = { pod, containerId: '', signal, follow: false, tailLines: undefined, sinceMs: undefined, ...options };
    for await (const { text } of logLines(script, () => container, request, clock)) texts.push(text.trimEnd());
    return texts;
  };
  const once: LogScript = { lines: ['a', 'b {{ .metadata.name }}', 'c'], intervalMs: 1000, repeat: false };

  test('lines come with time, each when it is due', async () => {
    await clock.advance(1500);
    assert.deepEqual(await read(once), ['a', 'b web']);
    await clock.advance(100_000);
    assert.deepEqual(await read(once), ['a', 'b web', 'c']);
    assert.deepEqual(await read({ ...once, intervalMs: 0 }), ['a', 'b web', 'c']);
  });

  test('a script that repeats is not gone through from its start for its end', async () => {
    await clock.advance(1e12);
    const elapsed = clock.now() - startedAtMs;
    const last = Math.floor(elapsed / 1000);
    assert.deepEqual(await read({ ...once, repeat: true }, { tailLines: 2 }), [last - 1, last].map((index) => ['a', 'b web', 'c'][index % 3]));
    assert.equal((await read({ ...once, repeat: true }, { sinceMs: clock.now() - 5000 })).length, 5 + (elapsed % 1000 === 0 ? 1 : 0));
  });

  test('nothing comes after its end', async () => {
    container.state = 'exited';
    container.finishedAtMs = startedAtMs + 1999;
    assert.deepEqual(await read({ ...once, repeat: true }), ['a', 'b web']);
    assert.deepEqual(await read(once, { sinceMs: startedAtMs + 1000 }), ['b web']);
  });
});

describe('commands', () => {
  const behaviour: Behaviour = {
    name: 'test',
    applies: () => true,
    start: { delay: () => 0 },
    stop: { delay: () => 0, exitCode: 0 },
    exec: [{ command: 'cat /etc/*', stdout: 'of {{ .metadata.name }}', stderr: 'careful', exitCode: 2, takesMs: 0 }],
  };
  const run = async (command: readonly string[], stdin: readonly string[] = [], tty = false) => {
    let stdout = '';
    let stderr = '';
    const streams: ContainerStreams = {
      stdin: (async function* () {
        for (const text of stdin) yield Buffer.from(text);
      })(),
      sizes: (async function* () {})(),
      async write(stream, chunk) {
        if (stream === 'stdout') stdout += Buffer.from(chunk).toString();
        else stderr += Buffer.from(chunk).toString();
      },
    };
    const code = await runScripted({ request: { pod, containerId: '', signal, command, tty }, streams, behaviour, clock: new ManualClock() });
    return [code, stdout, stderr];
  };
  const cases: readonly (readonly [name: string, command: readonly string[], outcome: readonly unknown[], stdin?: readonly string[]])[] = [
    ['of the behaviour', ['cat', '/etc/hosts'], [2, 'of web', 'careful']],
    ['of any container', ['/bin/echo', '-n', 'a', 'b'], [0, 'a b', '']],
    ['that copy', ['cat'], [0, 'ab', ''], ['a', 'b']],
    ['in a shell', ['sh', '-ec', 'false || echo "$HOSTNAME"; true && exit 5'], [5, 'web\n', '']],
    ['that a shell does not know', ['sh', '-c', 'nope'], [127, '', 'sh: nope: not found\n']],
    ['that a shell reads', ['sh'], [3, 'hi\nweb\n', ''], ['echo hi\nhost', 'name\nexit 3\necho late\n']],
  ];
  for (const [name, command, outcome, stdin] of cases) test(name, async () => assert.deepEqual(await run(command, stdin), outcome));
  test('at a terminal', async () => assert.deepEqual(await run(['sh'], ['echo hi\r', '\u0004'], true), [0, '# echo hi\r\nhi\n# ', '']));
  test('that are not there', () => assert.rejects(run(['nope']), /exec: "nope": executable file not found in \$PATH/));
});
