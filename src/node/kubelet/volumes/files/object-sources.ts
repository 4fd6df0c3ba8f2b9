/** Files from ConfigMaps and Secrets. */
import type { ConfigMap, ConfigMapProjection, Secret, SecretProjection } from '../../../../api/types/core-v1.ts';
import type { NodeObjects } from '../../objects/node-objects.ts';
import { filesOfKeys } from './file-source.ts';
import type { FileSource } from './file-source.ts';

export function configMapSource(objects: NodeObjects, { name = '', items, optional = false }: ConfigMapProjection, defaultMode: number): FileSource {
  return {
    async collect({ metadata: { namespace = '', uid = '' } }) {
      const object = await objects.configMap(namespace, name, uid);
      if (!object && !optional) throw new Error(`configmap "${name}" not found`);
      return filesOfKeys(configMapData(object), { missing: 'configmap references non-existent config key', items, optional, defaultMode });
    },
  };
}

export function secretSource(objects: NodeObjects, { name = '', items, optional = false }: SecretProjection, defaultMode: number): FileSource {
  return {
    async collect({ metadata: { namespace = '', uid = '' } }) {
      const object = await objects.secret(namespace, name, uid);
      if (!object && !optional) throw new Error(`secret "${name}" not found`);
      return filesOfKeys(secretData(object), { missing: 'references non-existent secret key', items, optional, defaultMode });
    },
  };
}

function configMapData(object: ConfigMap | undefined): Map<string, Uint8Array> {
  const values = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(object?.data ?? {})) values.set(key, Buffer.from(text));
  for (const [key, base64] of Object.entries(object?.binaryData ?? {})) values.set(key, Buffer.from(base64, 'base64'));
  return values;
}

function secretData(object: Secret | undefined): Map<string, Uint8Array> {
  return new Map(Object.entries(object?.data ?? {}).map(([key, base64]) => [key, Buffer.from(base64, 'base64')]));
}
