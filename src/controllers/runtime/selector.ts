/** Compiled selectors, one for each selector object: informers share objects, so the compiled form is shared too. */
import type { LabelSelector as LabelSelectorSpec } from '../../api/object.ts';
import { labelSelectorOf, selectorFromLabels } from '../../api/selectors/label-selector.ts';
import type { LabelSelector } from '../../api/selectors/label-selector.ts';

const compiled = new WeakMap<object, LabelSelector>();

/** Of a LabelSelector in a spec; throws SelectorError where it is invalid. */
export function selectorOf(spec: LabelSelectorSpec | undefined): LabelSelector {
  if (!spec) return labelSelectorOf(spec);
  let selector = compiled.get(spec);
  if (!selector) compiled.set(spec, (selector = labelSelectorOf(spec)));
  return selector;
}

/** Of a plain map of labels, as Services and ReplicationControllers have. */
export function selectorOfLabels(labels: Readonly<Record<string, string>>): LabelSelector {
  let selector = compiled.get(labels);
  if (!selector) compiled.set(labels, (selector = selectorFromLabels(labels)));
  return selector;
}
