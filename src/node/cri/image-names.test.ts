import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StartError } from '../kubelet/runtime.ts';
import { imageToAskFor, parseImageName } from './image-names.ts';

const digest = `sha256:${'a1'.repeat(32)}`;

test('names, as the registry is asked for them', () => {
  const cases: readonly (readonly [text: string, registry: string, path: string, tag: string | undefined, digest?: string])[] = [
    ['nginx', 'docker.io', 'library/nginx', 'latest'],
    ['nginx:1.27', 'docker.io', 'library/nginx', '1.27'],
    ['team/app', 'docker.io', 'team/app', 'latest'],
    ['index.docker.io/nginx', 'docker.io', 'library/nginx', 'latest'],
    ['localhost/app:1', 'localhost', 'app', '1'],
    ['localhost:5000/a/b', 'localhost:5000', 'a/b', 'latest'],
    ['example.com/a_b/c__d/e-f', 'example.com', 'a_b/c__d/e-f', 'latest'],
    ['[::1]:5000/app', '[::1]:5000', 'app', 'latest'],
    [`nginx@${digest}`, 'docker.io', 'library/nginx', undefined, digest],
    [`nginx:1@${digest}`, 'docker.io', 'library/nginx', '1', digest],
    ['Host/app', 'Host', 'app', 'latest'],
  ];
  for (const [text, registry, path, tag, wanted] of cases) assert.deepEqual(parseImageName(text), { registry, path, tag, digest: wanted }, text);
});

test('what is no name is refused in upstream’s words', () => {
  for (const text of ['', 'INVALID$$', 'a//b', 'nginx:', 'nginx:-x', 'a b', '/nginx', 'nginx@sha256:12', 'a'.repeat(300)]) {
    assert.equal(parseImageName(text), undefined, text);
    assert.throws(() => imageToAskFor(text), (error: StartError) => error.reason === 'InvalidImageName' && error.message.includes(`couldn't parse image name "${text}": invalid reference format`));
  }
  for (const [text, why] of [['Nginx:1', 'invalid reference format: repository name (library/Nginx) must be lowercase'], ['ab'.repeat(32), `invalid repository name (${'ab'.repeat(32)}), cannot specify 64-byte hexadecimal strings`]] as const)
    assert.throws(() => imageToAskFor(text), (error: StartError) => error.message.endsWith(why));
});

test('the runtime is asked in the pod’s own words, with the tag it leaves out', () => {
  for (const [text, asked] of [['nginx', 'nginx:latest'], ['nginx:latest', 'nginx:latest'], ['nginx:1', 'nginx:1'], [`nginx@${digest}`, `nginx@${digest}`], ['localhost:5000/a', 'localhost:5000/a:latest']] as const) assert.equal(imageToAskFor(text), asked);
});
