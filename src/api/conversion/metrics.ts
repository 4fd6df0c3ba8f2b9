/**
 * The metrics of an autoscaler in the form of version 1, which exists only
 * inside annotations: version 2 groups into `metric` and `target` (or `current`)
 * what version 1 keeps side by side. Fields are in upstream's order, since the
 * texts are compared.
 */
import type {
  MetricIdentifier,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from '../types/autoscaling-v2.ts';

type Fields = Record<string, unknown>;

/** An object without the fields that are undefined. */
function fields(given: Fields): Fields {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function reference(given: unknown): Fields {
  const { kind, name, apiVersion } = (given ?? {}) as Fields;
  return fields({ kind, name, apiVersion: apiVersion || undefined });
}

function metric(name: unknown, selector: unknown): MetricIdentifier {
  return fields({ name, selector }) as unknown as MetricIdentifier;
}

/** What version 1 cannot leave out is written as zero. */
function orZero(quantity: string | undefined): string {
  return quantity ?? '0';
}

function isZero(quantity: unknown): boolean {
  return quantity === undefined || /^[+-]?0*\.?0*[a-zA-Z]*$/.test(String(quantity));
}

export function metricSpecToV1({
  type,
  object,
  pods,
  resource,
  containerResource,
  external,
}: MetricSpec): Fields {
  return fields({
    type,
    object: object && {
      target: reference(object.describedObject),
      metricName: object.metric.name,
      targetValue: orZero(object.target.value),
      ...fields({ selector: object.metric.selector, averageValue: object.target.averageValue }),
    },
    pods: pods && {
      metricName: pods.metric.name,
      targetAverageValue: orZero(pods.target.averageValue),
      ...fields({ selector: pods.metric.selector }),
    },
    resource: resource && { name: resource.name, ...targetToV1(resource.target) },
    containerResource: containerResource && {
      name: containerResource.name,
      ...targetToV1(containerResource.target),
      container: containerResource.container,
    },
    external: external && {
      metricName: external.metric.name,
      ...fields({
        metricSelector: external.metric.selector,
        targetValue: external.target.value,
        targetAverageValue: external.target.averageValue,
      }),
    },
  });
}

function targetToV1({ averageUtilization, averageValue }: MetricTarget): Fields {
  return fields({ targetAverageUtilization: averageUtilization, targetAverageValue: averageValue });
}

function targetFromV1({
  targetAverageUtilization: averageUtilization,
  targetAverageValue: averageValue,
}: Fields): Fields {
  return fields({
    type: averageUtilization === undefined ? 'AverageValue' : 'Utilization',
    averageValue,
    averageUtilization,
  });
}

export function metricSpecFromV1(given: unknown): MetricSpec {
  const { type, object, pods, resource, containerResource, external } = given as Record<
    string,
    Fields | undefined
  >;
  return fields({
    type,
    object: object && {
      describedObject: reference(object['target']),
      metric: metric(object['metricName'], object['selector']),
      target: fields({
        type: object['averageValue'] === undefined ? 'Value' : 'AverageValue',
        // Beside an average, zero is what version 1 could not leave out.
        value:
          object['averageValue'] !== undefined && isZero(object['targetValue'])
            ? undefined
            : object['targetValue'],
        averageValue: object['averageValue'],
      }),
    },
    pods: pods && {
      metric: metric(pods['metricName'], pods['selector']),
      target: fields({ type: 'AverageValue', averageValue: pods['targetAverageValue'] }),
    },
    resource: resource && { name: resource['name'], target: targetFromV1(resource) },
    containerResource: containerResource && {
      container: containerResource['container'],
      name: containerResource['name'],
      target: targetFromV1(containerResource),
    },
    external: external && {
      metric: metric(external['metricName'], external['metricSelector']),
      target: fields({
        type: external['targetValue'] === undefined ? 'AverageValue' : 'Value',
        value: external['targetValue'],
        averageValue: external['targetAverageValue'],
      }),
    },
  }) as unknown as MetricSpec;
}

function currentToV1({ averageUtilization, averageValue }: MetricValueStatus): Fields {
  return {
    ...fields({ currentAverageUtilization: averageUtilization }),
    currentAverageValue: orZero(averageValue),
  };
}

export function metricStatusToV1({
  type,
  object,
  pods,
  resource,
  containerResource,
  external,
}: MetricStatus): Fields {
  return fields({
    type,
    object: object && {
      target: reference(object.describedObject),
      metricName: object.metric.name,
      currentValue: orZero(object.current.value),
      ...fields({ selector: object.metric.selector, averageValue: object.current.averageValue }),
    },
    pods: pods && {
      metricName: pods.metric.name,
      currentAverageValue: orZero(pods.current.averageValue),
      ...fields({ selector: pods.metric.selector }),
    },
    resource: resource && { name: resource.name, ...currentToV1(resource.current) },
    containerResource: containerResource && {
      name: containerResource.name,
      ...currentToV1(containerResource.current),
      container: containerResource.container,
    },
    external: external && {
      metricName: external.metric.name,
      ...fields({ metricSelector: external.metric.selector }),
      currentValue: orZero(external.current.value),
      ...fields({ currentAverageValue: external.current.averageValue }),
    },
  });
}

function currentFromV1(given: Fields): Fields {
  return fields({
    averageUtilization: given['currentAverageUtilization'],
    averageValue: given['currentAverageValue'],
  });
}

export function metricStatusFromV1(given: unknown): MetricStatus {
  const { type, object, pods, resource, containerResource, external } = given as Record<
    string,
    Fields | undefined
  >;
  return fields({
    type,
    object: object && {
      metric: metric(object['metricName'], object['selector']),
      current: fields({ value: object['currentValue'], averageValue: object['averageValue'] }),
      describedObject: reference(object['target']),
    },
    pods: pods && {
      metric: metric(pods['metricName'], pods['selector']),
      current: fields({ averageValue: pods['currentAverageValue'] }),
    },
    resource: resource && { name: resource['name'], current: currentFromV1(resource) },
    containerResource: containerResource && {
      container: containerResource['container'],
      name: containerResource['name'],
      current: currentFromV1(containerResource),
    },
    external: external && {
      metric: metric(external['metricName'], external['metricSelector']),
      current: fields({ value: external['currentValue'], averageValue: external['currentAverageValue'] }),
    },
  }) as unknown as MetricStatus;
}
