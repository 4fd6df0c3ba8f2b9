/**
 * The part of etcd's v3 API that the store uses. 64-bit integers come as
 * strings, because lease ids use all of their bits.
 */
import { grpcMethods, type MessageTable } from '../../base/grpc-table.ts';

const messages: MessageTable = {
  ResponseHeader: { revision: ['int64', 3] },
  KeyValue: {
    key: ['bytes', 1],
    createRevision: ['int64', 2],
    modRevision: ['int64', 3],
    value: ['bytes', 5],
    lease: ['int64', 6],
  },
  RangeRequest: {
    key: ['bytes', 1],
    rangeEnd: ['bytes', 2],
    limit: ['int64', 3],
    revision: ['int64', 4],
    countOnly: ['bool', 9],
  },
  RangeResponse: {
    header: ['ResponseHeader', 1],
    kvs: ['KeyValue', 2, 'repeated'],
    more: ['bool', 3],
    count: ['int64', 4],
  },
  PutRequest: { key: ['bytes', 1], value: ['bytes', 2], lease: ['int64', 3], prevKv: ['bool', 4] },
  PutResponse: { header: ['ResponseHeader', 1], prevKv: ['KeyValue', 2] },
  DeleteRangeRequest: { key: ['bytes', 1], rangeEnd: ['bytes', 2], prevKv: ['bool', 3] },
  DeleteRangeResponse: {
    header: ['ResponseHeader', 1],
    deleted: ['int64', 2],
    prevKvs: ['KeyValue', 3, 'repeated'],
  },
  Compare: { result: ['int32', 1], target: ['int32', 2], key: ['bytes', 3], modRevision: ['int64', 6] },
  RequestOp: {
    requestRange: ['RangeRequest', 1],
    requestPut: ['PutRequest', 2],
    requestDeleteRange: ['DeleteRangeRequest', 3],
  },
  ResponseOp: {
    responseRange: ['RangeResponse', 1],
    responsePut: ['PutResponse', 2],
    responseDeleteRange: ['DeleteRangeResponse', 3],
  },
  TxnRequest: {
    compare: ['Compare', 1, 'repeated'],
    success: ['RequestOp', 2, 'repeated'],
    failure: ['RequestOp', 3, 'repeated'],
  },
  TxnResponse: {
    header: ['ResponseHeader', 1],
    succeeded: ['bool', 2],
    responses: ['ResponseOp', 3, 'repeated'],
  },
  CompactionRequest: { revision: ['int64', 1], physical: ['bool', 2] },
  CompactionResponse: { header: ['ResponseHeader', 1] },
  WatchCreateRequest: {
    key: ['bytes', 1],
    rangeEnd: ['bytes', 2],
    startRevision: ['int64', 3],
    progressNotify: ['bool', 4],
    prevKv: ['bool', 6],
    fragment: ['bool', 8],
  },
  WatchProgressRequest: {},
  WatchRequest: { createRequest: ['WatchCreateRequest', 1], progressRequest: ['WatchProgressRequest', 3] },
  Event: { type: ['int32', 1], kv: ['KeyValue', 2], prevKv: ['KeyValue', 3] },
  WatchResponse: {
    header: ['ResponseHeader', 1],
    created: ['bool', 3],
    canceled: ['bool', 4],
    compactRevision: ['int64', 5],
    cancelReason: ['string', 6],
    fragment: ['bool', 7],
    events: ['Event', 11, 'repeated'],
  },
  LeaseGrantRequest: { TTL: ['int64', 1], ID: ['int64', 2] },
  LeaseGrantResponse: { header: ['ResponseHeader', 1], ID: ['int64', 2] },
  LeaseRevokeRequest: { ID: ['int64', 1] },
  LeaseRevokeResponse: { header: ['ResponseHeader', 1] },
  LeaseKeepAliveRequest: { ID: ['int64', 1] },
  LeaseKeepAliveResponse: { header: ['ResponseHeader', 1], ID: ['int64', 2], TTL: ['int64', 3] },
  AuthenticateRequest: { name: ['string', 1], password: ['string', 2] },
  AuthenticateResponse: { header: ['ResponseHeader', 1], token: ['string', 2] },
  StatusRequest: {},
  StatusResponse: { header: ['ResponseHeader', 1], version: ['string', 2], dbSize: ['int64', 3] },
};

interface Header {
  readonly header: { readonly revision: string };
}
export interface EtcdKeyValue {
  readonly key: Buffer;
  readonly createRevision: string;
  readonly modRevision: string;
  readonly value: Buffer;
}
export interface RangeRequest {
  readonly key: Buffer;
  readonly rangeEnd?: Buffer;
  readonly limit?: number;
  readonly revision?: number;
  readonly countOnly?: boolean;
}
export interface RangeResponse extends Header {
  readonly kvs: readonly EtcdKeyValue[];
  readonly more: boolean;
  readonly count: string;
}
export interface RequestOp {
  readonly requestRange?: RangeRequest;
  readonly requestPut?: { key: Buffer; value: Uint8Array; lease?: string; prevKv: boolean };
  readonly requestDeleteRange?: { key: Buffer; prevKv: boolean };
}
export interface TxnRequest {
  readonly compare: readonly { result: number; target: number; key: Buffer; modRevision: number }[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}
export interface TxnResponse extends Header {
  readonly succeeded: boolean;
  readonly responses: readonly {
    readonly responseRange: RangeResponse | null;
    readonly responsePut: { readonly prevKv: EtcdKeyValue | null } | null;
    readonly responseDeleteRange: {
      readonly deleted: string;
      readonly prevKvs: readonly EtcdKeyValue[];
    } | null;
  }[];
}
export interface WatchRequest {
  readonly createRequest?: {
    key: Buffer;
    rangeEnd: Buffer;
    startRevision: number;
    prevKv: boolean;
    fragment: boolean;
  };
  readonly progressRequest?: Record<string, never>;
}
export interface EtcdEvent {
  /** 0 put, 1 delete. */
  readonly type: number;
  readonly kv: EtcdKeyValue;
  readonly prevKv: EtcdKeyValue | null;
}
export interface WatchResponse extends Header {
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compactRevision: string;
  readonly cancelReason: string;
  readonly fragment: boolean;
  readonly events: readonly EtcdEvent[];
}
/** What a lease answers; a TTL of 0 or less means that it has ended. */
export interface KeepAliveResponse {
  readonly TTL: string;
}

const services = {
  KV: {
    Range: ['RangeRequest', 'RangeResponse'],
    Txn: ['TxnRequest', 'TxnResponse'],
    Compact: ['CompactionRequest', 'CompactionResponse'],
  },
  Watch: { Watch: ['WatchRequest', 'WatchResponse', 'both'] },
  Lease: {
    LeaseGrant: ['LeaseGrantRequest', 'LeaseGrantResponse'],
    LeaseRevoke: ['LeaseRevokeRequest', 'LeaseRevokeResponse'],
    LeaseKeepAlive: ['LeaseKeepAliveRequest', 'LeaseKeepAliveResponse'],
  },
  Auth: { Authenticate: ['AuthenticateRequest', 'AuthenticateResponse'] },
  Maintenance: { Status: ['StatusRequest', 'StatusResponse'] },
} as const;

const method = grpcMethods({ package: 'etcdserverpb', messages, services, longs: String });

export const rpc = {
  range: method<RangeRequest, RangeResponse>('KV', 'Range'),
  txn: method<TxnRequest, TxnResponse>('KV', 'Txn'),
  compact: method<{ revision: number; physical: boolean }, Header>('KV', 'Compact'),
  watch: method<WatchRequest, WatchResponse>('Watch', 'Watch'),
  leaseGrant: method<{ TTL: number }, { ID: string }>('Lease', 'LeaseGrant'),
  leaseRevoke: method<{ ID: string }, Header>('Lease', 'LeaseRevoke'),
  leaseKeepAlive: method<{ ID: string }, KeepAliveResponse>('Lease', 'LeaseKeepAlive'),
  authenticate: method<{ name: string; password: string }, { token: string }>('Auth', 'Authenticate'),
  status: method<Record<string, never>, { version: string; dbSize: string }>('Maintenance', 'Status'),
} as const;
