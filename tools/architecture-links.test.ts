import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLinks, documents } from './architecture-links.ts';

test('the links of the documents lead where they say (node tools/architecture-links.ts --fix moves lines)', () => {
  for (const document of documents()) assert.deepEqual(checkLinks(document).problems, []);
});
