/**
 * Commands in pretended containers: those of the behaviour's script first, then
 * a few that scripts and people expect of any container. A shell knows these
 * commands too, line by line; there is no file system behind them.
 */
import type { Clock } from '../../base/clock.ts';
import type { ContainerStreams, ExecRequest } from '../kubelet/runtime.ts';
import type { Behaviour, CommandScript } from './behaviour.ts';
import { compileTemplate } from './stages/template.ts';

export interface CommandContext {
  readonly request: ExecRequest;
  readonly streams: ContainerStreams;
  readonly behaviour: Behaviour;
  readonly clock: Clock;
}

type Command = (context: CommandContext, parameters: readonly string[]) => number | Promise<number>;

const commands: Readonly<Record<string, Command>> = {
  true: () => 0,
  false: () => 1,
  echo: async ({ streams }, parameters) => {
    const [flag, ...rest] = parameters;
    await say(streams, flag === '-n' ? rest.join(' ') : `${parameters.join(' ')}\n`);
    return 0;
  },
  hostname: async ({ streams, request }) => {
    await say(streams, `${request.pod.spec.hostname ?? request.pod.metadata.name}\n`);
    return 0;
  },
  env: async ({ streams, request }) => {
    await say(streams, `PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nHOSTNAME=${request.pod.metadata.name}\nHOME=/root\n`);
    return 0;
  },
  pwd: async ({ streams }) => {
    await say(streams, '/\n');
    return 0;
  },
  sleep: async ({ clock, request }, [seconds = '0']) => {
    await clock.sleep(Number(seconds) * 1000 || 0, request.signal).catch(() => {});
    return request.signal.aborted ? 137 : 0;
  },
  cat: async ({ streams }, parameters) => {
    const [file] = parameters;
    if (file !== undefined && file !== '-') {
      await streams.write('stderr', Buffer.from(`cat: ${file}: No such file or directory\n`));
      return 1;
    }
    for await (const chunk of streams.stdin ?? []) await streams.write('stdout', chunk);
    return 0;
  },
  sh: shell,
  bash: shell,
};

/** Rejects where there is no such command, as a runtime does. */
export async function runScripted(context: CommandContext): Promise<number> {
  const code = await run(context, context.request.command);
  if (code === undefined) throw new Error(`exec: "${context.request.command[0] ?? ''}": executable file not found in $PATH`);
  return code;
}

async function run(context: CommandContext, words: readonly string[]): Promise<number | undefined> {
  const script = context.behaviour.exec?.find(({ command }) => matches(command, words.join(' ')));
  if (script) return play(script, context);
  const [name = '', ...parameters] = words;
  return commands[name.replace(/^(?:\/usr)?\/bin\//, '')]?.(context, parameters);
}

async function play({ stdout, stderr, exitCode, takesMs }: CommandScript, { request, streams, clock }: CommandContext): Promise<number> {
  if (takesMs > 0) await clock.sleep(takesMs, request.signal).catch(() => {});
  if (stdout !== '') await say(streams, stdout.includes('{{') ? compileTemplate(stdout)(request.pod) : stdout);
  if (stderr !== '') await streams.write('stderr', Buffer.from(stderr));
  return exitCode;
}

function matches(pattern: string, command: string): boolean {
  const literal = pattern.split('*').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${literal.join('.*')}$`, 's').test(command);
}

function say(streams: ContainerStreams, text: string): Promise<void> {
  return streams.write('stdout', Buffer.from(text));
}

/** `sh -c 'a && b; c'`, or lines from stdin until it ends or says `exit`. */
async function shell(context: CommandContext, parameters: readonly string[]): Promise<number> {
  const at = parameters.findIndex((parameter) => /^-\w*c$/.test(parameter));
  if (at >= 0) return (await runLine(context, parameters[at + 1] ?? '')).code;
  const { streams, request } = context;
  const prompt = () => (request.tty ? say(streams, '# ') : Promise.resolve());
  let code = 0;
  let rest = '';
  await prompt();
  for await (const chunk of streams.stdin ?? []) {
    const typed = Buffer.from(chunk).toString();
    // A terminal shows what is typed; \u0004 is its end of input.
    if (request.tty) await say(streams, typed.replaceAll('\r', '\r\n').replaceAll('\u0004', ''));
    rest += typed.replaceAll('\r', '\n');
    for (let end = rest.search(/[\n\u0004]/); end >= 0; end = rest.search(/[\n\u0004]/)) {
      const line = rest.slice(0, end);
      const isEnd = rest[end] === '\u0004' && line === '';
      rest = rest.slice(end + 1);
      const result = isEnd ? { code, exits: true } : await runLine(context, line);
      code = result.code;
      if (result.exits) return code;
      await prompt();
    }
  }
  return rest.trim() === '' ? code : (await runLine(context, rest)).code;
}

async function runLine(context: CommandContext, line: string): Promise<{ code: number; exits: boolean }> {
  let code = 0;
  let skip = false;
  for (const [, text = '', operator] of line.matchAll(/((?:"[^"]*"|'[^']*'|[^;&|\n])+)(&&|\|\||;|\n|$)/g)) {
    const words = wordsOf(text, context);
    if (!skip && words.length > 0) {
      if (words[0] === 'exit') return { code: Number(words[1] ?? code) || 0, exits: true };
      const result = await run(context, words);
      if (result === undefined) await context.streams.write('stderr', Buffer.from(`sh: ${words[0]}: not found\n`));
      code = result ?? 127;
    }
    skip = operator === '&&' ? code !== 0 : operator === '||' ? code === 0 : false;
  }
  return { code, exits: false };
}

function wordsOf(text: string, { request }: CommandContext): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, plain]) => single ?? (double ?? plain ?? '').replaceAll(/\$\{?HOSTNAME\}?/g, request.pod.metadata.name ?? ''));
}
