/**
 * gRPC methods out of a table of messages, for the services whose clients we
 * are: the few fields that are used, with their wire numbers, in place of
 * generated code. Unions are plain optional fields and enums plain numbers,
 * which is the same on the wire. Field names are ours to choose.
 */
import type { MethodDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

/** Another message's name, or a scalar. A `map` has strings as keys. */
export type FieldType = 'bytes' | 'string' | 'int64' | 'uint64' | 'int32' | 'uint32' | 'bool' | (string & {});
export type Field = readonly [type: FieldType, number: number, rule?: 'repeated' | 'map'];
export type MessageTable = Readonly<Record<string, Readonly<Record<string, Field>>>>;
/** By service and method: the messages asked with and answered with, and which side may send many. */
export type ServiceTable = Readonly<Record<string, Readonly<Record<string, readonly [request: string, response: string, stream?: 'response' | 'both']>>>>;

export type Method<Request, Response> = MethodDefinition<Request, Response>;

export interface GrpcTable {
  /** As the service's path says it: `runtime.v1`. */
  readonly package: string;
  readonly messages: MessageTable;
  readonly services: ServiceTable;
  /** How 64-bit integers come: as strings where all of their bits matter. */
  readonly longs: typeof String | typeof Number;
}

/** Fields that are not on the wire come as empty: '', 0, [], null. */
export function grpcMethods(table: GrpcTable): <Request, Response>(service: string, method: string) => Method<Request, Response> {
  const nested = table.package.split('.').reduceRight<object>((inner, name) => ({ nested: { [name]: inner } }), { nested: { ...messageDescriptors(table), ...serviceDescriptors(table) } });
  const definitions = fromJSON(nested as Parameters<typeof fromJSON>[0], { keepCase: true, longs: table.longs, defaults: true });
  return <Request, Response>(service: string, method: string) => {
    const found = definitions[`${table.package}.${service}`] as unknown as Record<string, Method<Request, Response>>;
    return found[method] as Method<Request, Response>;
  };
}

function messageDescriptors({ messages }: GrpcTable): Record<string, unknown> {
  const describe = ([type, id, rule]: Field) => (rule === 'map' ? { keyType: 'string', type, id } : rule ? { type, id, rule } : { type, id });
  return mapValues(messages, (fields) => ({ fields: mapValues(fields, describe) }));
}

function serviceDescriptors({ services }: GrpcTable): Record<string, unknown> {
  return mapValues(services, (methods) => ({
    methods: mapValues(methods, ([requestType, responseType, stream]) => ({ requestType, responseType, requestStream: stream === 'both', responseStream: stream !== undefined })),
  }));
}

function mapValues<V>(record: Readonly<Record<string, V>>, change: (value: V) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
