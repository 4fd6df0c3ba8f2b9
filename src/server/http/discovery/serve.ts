/** /api, /apis and below: made when first asked for after a change of the catalogue, then sent as they are. */
import { createHash } from 'node:crypto';
import * as errors from '../../../api/errors.ts';
import { encodeUtf8 } from '../../../base/bytes.ts';
import { negotiate } from '../../../codec/negotiation.ts';
import type { Catalogue } from '../../../api/catalogue.ts';
import type { Call } from '../call.ts';
import { sendJson, sendPageNotFound } from '../respond.ts';
import { aggregated, coreVersions, groupList, groupOf, resourceList } from './documents.ts';

interface Ready {
  readonly generation: number;
  readonly body: Uint8Array;
  readonly etag: string;
}

const made = new WeakMap<Catalogue, Map<string, Ready>>();

function aggregatedBody(catalogue: Catalogue, core: boolean, version: 'v2' | 'v2beta1'): Ready {
  let documents = made.get(catalogue);
  if (!documents) made.set(catalogue, (documents = new Map()));
  const name = `${core ? 'api' : 'apis'} ${version}`;
  const known = documents.get(name);
  if (known?.generation === catalogue.generation) return known;
  const body = encodeUtf8(JSON.stringify(aggregated(catalogue, core, version)));
  const ready = { generation: catalogue.generation, body, etag: `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"` };
  documents.set(name, ready);
  return ready;
}

export function serveDiscovery(call: Call): void | Promise<void> {
  const [root, group, version, ...rest] = call.info.path.split('/').filter((segment) => segment !== '');
  const core = root === 'api';
  const { catalogue } = call.parts;
  if (group === undefined) return serveRoot(call, core);
  const document = core
    ? version === undefined
      ? resourceList(catalogue, { group: '', version: group })
      : undefined
    : version === undefined
      ? groupOf(catalogue, group)
      : rest.length === 0
        ? resourceList(catalogue, { group, version })
        : undefined;
  if (document === undefined) {
    if (!core && !groupOf(catalogue, group)) return sendPageNotFound(call);
    throw errors.pathNotFound();
  }
  return sendJson(call, 200, document);
}

function serveRoot(call: Call, core: boolean): void | Promise<void> {
  const { headers } = call.request;
  const { as } = negotiate({
    accept: headers['accept'],
    offers: ({ group, version, kind }) => group === 'apidiscovery.k8s.io' && (version === 'v2' || version === 'v2beta1') && kind === 'APIGroupDiscoveryList',
  });
  if (!as) {
    const address = headers['host'] ?? '';
    return sendJson(call, 200, core ? coreVersions(address) : groupList(call.parts.catalogue));
  }
  const version = as.version === 'v2' ? 'v2' : 'v2beta1';
  const { body, etag } = aggregatedBody(call.parts.catalogue, core, version);
  const common = {
    etag,
    vary: 'Accept',
    'cache-control': 'public',
    'content-type': `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
  };
  if (headers['if-none-match'] === etag) {
    call.responder.head(304, common);
    call.responder.end();
    return;
  }
  call.responder.head(200, { ...common, 'content-length': String(body.length) });
  call.responder.end([body]);
}
