/** Raw etcd, without an API before it: what a datastore costs at least. */
import { credentials, makeGenericClientConstructor, type ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

const bytesField = (id: number) => ({ type: 'bytes', id });
const definition = fromJSON({
  nested: {
    etcdserverpb: {
      nested: {
        PutRequest: { fields: { key: bytesField(1), value: bytesField(2) } },
        PutResponse: { fields: {} },
        KV: { methods: { Put: { requestType: 'PutRequest', responseType: 'PutResponse' } } },
      },
    },
  },
} as unknown as Parameters<typeof fromJSON>[0]);
const Kv = makeGenericClientConstructor(definition['etcdserverpb.KV'] as unknown as ServiceDefinition, 'KV');

type Put = (request: { key: Buffer; value: Buffer }, callback: (error: Error | null) => void) => void;

/** Durable puts a second with so many clients, each on its next when the last is done. */
export async function putsPerSecond(endpoint: string, clients: number, bytes: number, durationMs: number): Promise<number> {
  const client = new Kv(endpoint.replace(/^https?:\/\//, ''), credentials.createInsecure());
  const put = (client['Put'] as Put).bind(client);
  const value = Buffer.alloc(bytes, 'x');
  const beganAt = performance.now();
  let count = 0;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (performance.now() - beganAt < durationMs) {
        const key = Buffer.from(`/raw/${clients}/${count++}`);
        await new Promise<void>((resolve, reject) => put({ key, value }, (error) => (error ? reject(error) : resolve())));
      }
    }),
  );
  const perSecond = (count / (performance.now() - beganAt)) * 1000;
  client.close();
  return perSecond;
}
