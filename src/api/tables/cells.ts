/** Cells that tables of several families share. */
import { canonicalQuantity, QuantityError } from '../quantity.ts';
import type { Container } from '../types/core-v1.ts';
import type { LabelSelector } from '../types/meta-v1.ts';
import { labelsText, selectorText } from './selector-text.ts';

export function labelsCell(labels: Readonly<Record<string, string>> | undefined): string {
  return labelsText(labels) || '<none>';
}

export function selectorCell(selector: LabelSelector | undefined): string {
  const shown = selectorText(selector);
  return shown === undefined ? '<error>' : shown || '<none>';
}

/** The names and the images of containers. */
export function containerCells(
  containers: readonly Container[] | undefined,
): [names: string, images: string] {
  if (!containers) return ['', ''];
  return [containers.map(({ name }) => name).join(','), containers.map(({ image }) => image ?? '').join(',')];
}

/** In canonical form; an amount that is not there is zero. */
export function quantityCell(quantity: string | undefined): string {
  if (quantity === undefined) return '0';
  try {
    return canonicalQuantity(quantity);
  } catch (error) {
    if (error instanceof QuantityError) return quantity;
    throw error;
  }
}

const shownMax = 3;

/** The first three, and how many more there are. */
export function firstThree(items: readonly string[], none: string): string {
  const shown = items.slice(0, shownMax).join(',');
  if (items.length > shownMax) return `${shown} + ${items.length - shownMax} more...`;
  return shown || none;
}
