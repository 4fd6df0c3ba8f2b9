/** The images the tests run: made of what the machine has, so that no registry is needed. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageFile, ImageSource } from '../../src/node/cri/oci-archive.ts';

export const pauseImage = 'localhost/pause:1';
/** All of busybox's commands, with users root and nobody (65534). */
export const busyboxImage = 'localhost/busybox:1';

/** Of Debian's package busybox-static. */
export const busyboxBinary = '/bin/busybox';

export function busybox(): ImageSource {
  const commands = execFileSync(busyboxBinary, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  const files: ImageFile[] = [
    ...['bin', 'etc', 'root', 'home', 'dev', 'proc', 'sys', 'var', 'run'].map((path) => ({ path })),
    { path: 'tmp', mode: 0o1777 },
    { path: 'bin/busybox', mode: 0o755, content: readFileSync(busyboxBinary) },
    ...commands.filter((command) => command !== 'busybox').map((command) => ({ path: `bin/${command}`, link: 'busybox' })),
    { path: 'etc/passwd', content: Buffer.from('root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n') },
    { path: 'etc/group', content: Buffer.from('root:x:0:\nnogroup:x:65534:\n') },
  ];
  return { name: busyboxImage, files, config: { Cmd: ['sh'], Env: ['PATH=/bin'] } };
}

/** Waits for ever and reaps what is left to it, as the first process of a pod must. */
const pauseSource = `
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void end(int signal) { _exit(0); }
static void reap(int signal) { while (waitpid(-1, 0, WNOHANG) > 0); }
int main() {
  struct sigaction ending = { .sa_handler = end }, reaping = { .sa_handler = reap, .sa_flags = SA_NOCLDSTOP };
  sigaction(SIGINT, &ending, 0);
  sigaction(SIGTERM, &ending, 0);
  sigaction(SIGCHLD, &reaping, 0);
  for (;;) pause();
}
`;

/** A compiled one of a few kilobytes, or busybox's sleep where there is no compiler. */
export function pause(): ImageSource {
  const compiled = existsSync('/usr/bin/cc') ? compilePause() : undefined;
  if (compiled) return { name: pauseImage, files: [{ path: 'pause', mode: 0o755, content: compiled }], config: { Entrypoint: ['/pause'] } };
  return { name: pauseImage, files: [{ path: 'busybox', mode: 0o755, content: readFileSync(busyboxBinary) }], config: { Entrypoint: ['/busybox', 'sleep', '2147483647'] } };
}

function compilePause(): Buffer | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'coxswain-pause-'));
  try {
    writeFileSync(join(directory, 'pause.c'), pauseSource);
    execFileSync('/usr/bin/cc', ['-static', '-Os', '-s', '-o', join(directory, 'pause'), join(directory, 'pause.c')], { stdio: 'ignore' });
    return readFileSync(join(directory, 'pause'));
  } catch {
    return undefined;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
