/** An object with a configuration merged into it: nothing goes, and what both have is as the configuration has it. */
import { isRecord } from './configuration.ts';
import { itemShape, type FieldShape, type StructPlan } from './field-plan.ts';
import { itemElement } from './fields-text.ts';

type Fields = Readonly<Record<string, unknown>>;
type ListShape = FieldShape & { readonly kind: 'list' };

/** Neither is changed; the result shares parts with both. */
export function mergeConfiguration(live: Fields, configuration: Fields, plan: StructPlan): Fields {
  return mergeFields(live, configuration, { kind: 'struct', atomic: false, plan }) ?? {};
}

/** Undefined: there is nothing of it. */
function mergeValues(live: unknown, applied: unknown, shape: FieldShape): unknown {
  const leafValue = applied === undefined ? live : applied;
  if (shape.kind === 'scalar' || shape.atomic || (isEmpty(live) && isEmpty(applied))) return leafValue;
  if (shape.kind === 'list') return mergeLists(asList(live), asList(applied), shape);
  const withFields = (value: unknown) => value === undefined || value === null || isRecord(value);
  if (!withFields(live) || !withFields(applied)) return leafValue;
  return mergeFields((live ?? {}) as Fields, (applied ?? {}) as Fields, shape);
}

function mergeFields(live: Fields, applied: Fields, shape: FieldShape): Fields | undefined {
  const merged: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(live), ...Object.keys(applied)])) {
    const field = shape.kind === 'struct' ? shape.plan.fields.get(name)?.shape : itemShape(shape);
    const value = field && mergeValues(live[name], applied[name], field);
    if (value !== undefined) merged[name] = value;
  }
  return Object.keys(merged).length === 0 ? undefined : merged;
}

/**
 * The items of both. Those that are applied stand in the order they are applied
 * in; the others keep their place among their neighbours as far as that lets them.
 */
function mergeLists(live: readonly unknown[], applied: readonly unknown[], shape: ListShape): unknown[] | undefined {
  const element = (item: unknown) => itemElement(item, shape) as string;
  const liveElements = live.map(element);
  const appliedElements = applied.map(element);
  const liveItems = new Map<string, unknown>();
  // Of items that are there more than once none is merged with what is applied.
  live.forEach((item, i) => liveItems.set(liveElements[i] as string, liveItems.has(liveElements[i] as string) ? null : item));
  const appliedItems = new Map(applied.map((item, i) => [appliedElements[i] as string, item]));
  const shared = appliedElements.filter((one) => liveItems.has(one));
  const done = new Set<string>();
  const merged: unknown[] = [];
  const take = (liveItem: unknown, appliedItem: unknown) => {
    const value = mergeValues(liveItem, appliedItem, shape.item);
    if (value !== undefined) merged.push(value);
  };
  const takeApplied = (one: string) => {
    done.add(one);
    take(liveItems.get(one), appliedItems.get(one));
    if (shared[0] === one) shared.shift();
  };
  let l = 0;
  let a = 0;
  while (l < live.length || a < applied.length) {
    const here = liveElements[l];
    const there = appliedElements[a];
    if (here !== undefined && there !== undefined) {
      if (here === there) {
        takeApplied(there);
        l++;
        a++;
        continue;
      }
      // Applied as well, but not next.
      if (appliedItems.has(here) && shared[0] !== undefined && shared[0] !== here) {
        l++;
        continue;
      }
    }
    if (here !== undefined) {
      if (!appliedItems.has(here)) {
        take(live[l], undefined);
        l++;
        continue;
      }
      if (done.has(here)) l++;
    }
    if (there !== undefined) {
      takeApplied(there);
      a++;
    }
  }
  return merged.length === 0 ? undefined : merged;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
