/** Paths in the words of the two dialects: OpenAPI 3.0 and Swagger 2.0. */
import { objectMediaTypes, type Operation, type PathItem } from './operations.ts';
import type { Parameter } from './parameters.ts';
import { refTo, type Dialect, type Json } from './schemas.ts';

function parameterV3({ name, in: where, type, description, required }: Parameter): Json {
  return { name, in: where, description, ...(required && { required }), schema: { type, uniqueItems: true } };
}

function parameterV2({ name, in: where, type, description, required }: Parameter): Json {
  return { uniqueItems: true, type, description, name, in: where, ...(required && { required }) };
}

function answerSchema(type: string | undefined, dialect: Dialect): Json {
  return type === undefined ? { type: 'string' } : refTo(type, dialect);
}

function content(mediaTypes: readonly string[], schema: Json): Json {
  return Object.fromEntries(mediaTypes.map((mediaType) => [mediaType, { schema }]));
}

function responses(operation: Operation, one: (type: string | undefined) => Json): Json {
  const given: Json = {};
  for (const { code, description, type } of operation.answers) given[code] = { description, ...one(type) };
  given['401'] = { description: 'Unauthorized' };
  return given;
}

function extensionsOf({ action, kind }: Operation): Json {
  return { ...(action && { 'x-kubernetes-action': action }), ...(kind && { 'x-kubernetes-group-version-kind': kind }) };
}

function operationV3(operation: Operation): Json {
  const { tag, description, id, parameters, body, produces } = operation;
  return {
    tags: [tag],
    description,
    operationId: id,
    ...(parameters.length > 0 && { parameters: parameters.map(parameterV3) }),
    ...(body && { requestBody: { content: content(body.mediaTypes, refTo(body.type, 'v3')), ...(body.required && { required: true }) } }),
    responses: responses(operation, (type) => ({ content: content(produces, answerSchema(type, 'v3')) })),
    ...extensionsOf(operation),
  };
}

function operationV2(operation: Operation): Json {
  const { tag, description, id, parameters, body, produces, action } = operation;
  const bodyParameter = body && { name: 'body', in: 'body', ...(body.required && { required: true }), schema: refTo(body.type, 'v2') };
  const all = [...(bodyParameter ? [bodyParameter] : []), ...parameters.map(parameterV2)];
  return {
    description,
    consumes: body?.mediaTypes ?? (action ? ['*/*'] : objectMediaTypes),
    produces,
    schemes: ['https'],
    tags: [tag],
    operationId: id,
    ...(all.length > 0 && { parameters: all }),
    responses: responses(operation, (type) => ({ schema: answerSchema(type, 'v2') })),
    ...extensionsOf(operation),
  };
}

export function renderPath({ operations, parameters }: PathItem, dialect: Dialect): Json {
  const render = dialect === 'v3' ? operationV3 : operationV2;
  return {
    ...Object.fromEntries(operations.map((operation) => [operation.method, render(operation)])),
    ...(parameters.length > 0 && { parameters: parameters.map(dialect === 'v3' ? parameterV3 : parameterV2) }),
  };
}
