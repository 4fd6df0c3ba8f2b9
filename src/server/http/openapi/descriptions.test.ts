import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { classNamesOf, descriptionsIn, parseDeclaration } from './descriptions.ts';

const declaration = String.raw`import { V1Sink } from '../models/V1Sink.js';
/**
* Tap lets water into a sink\'s basin.
*/
export declare class V1Tap {
    /**
    * Go on where the \"last\" drop fell.
    */
    '_continue'?: string;
    'sink': V1Sink;
    /**
    * How taps are merged.
    */
    'xKubernetesListType'?: string;
    static readonly discriminator: string | undefined;
}
`;

describe('descriptions', () => {
  test('comments of the class and of its properties, under the names of the API', () => {
    const tap = parseDeclaration(declaration);
    assert.equal(tap.text, "Tap lets water into a sink's basin.");
    assert.equal(tap.field('continue'), 'Go on where the "last" drop fell.');
    assert.equal(tap.field('x-kubernetes-list-type'), 'How taps are merged.');
    assert.equal(tap.field('sink'), undefined);
  });

  test('classes carry their group where kinds of two groups have one name', () => {
    assert.deepEqual(classNamesOf('io.k8s.api.core.v1.Event'), ['CoreV1Event', 'V1Event']);
  });

  test('the more specific class wins, and types without one are left out', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'descriptions-'));
    try {
      await writeFile(join(folder, 'V1Tap.d.ts'), 'nothing');
      await writeFile(join(folder, 'WaterV1Tap.d.ts'), declaration);
      const loaded = await (await descriptionsIn(folder, '1')).load(['org.example.water.v1.Tap', 'org.example.water.v1.Pipe']);
      assert.deepEqual([...loaded.keys()], ['org.example.water.v1.Tap']);
      assert.match(loaded.get('org.example.water.v1.Tap')?.text ?? '', /^Tap lets/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
