import type { ExchangeRequest, UserInfo } from '../../base/exchange.ts';

/** Who is asking. Undefined = this authenticator has no opinion; throws ApiError 401 for bad credentials. */
export interface Authenticator {
  authenticate(request: ExchangeRequest): Promise<UserInfo | undefined> | UserInfo | undefined;
}

/** What a request asks for, as authorization and admission see it. */
export interface RequestAttributes {
  readonly user: UserInfo;
  /** get, list, watch, create, update, patch, delete, deletecollection; for non-resource paths the lower-case HTTP method. */
  readonly verb: string;
  /** False for paths such as /healthz; then only `path` counts. */
  readonly isResource: boolean;
  readonly path: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** As sent; empty where there is none. */
  readonly fieldSelector: string;
  readonly labelSelector: string;
}

export type Decision =
  | { readonly decision: 'allow'; readonly reason: string }
  /** Nobody said no; the next authorizer is asked. */
  | { readonly decision: 'no-opinion'; readonly reason: string }
  | { readonly decision: 'deny'; readonly reason: string };

export interface Authorizer {
  authorize(attributes: RequestAttributes): Decision | Promise<Decision>;
}
