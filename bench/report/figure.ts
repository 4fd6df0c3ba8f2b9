/** A measured figure and what it is held against. */

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Compared with `value`; a figure without one is for information. */
  readonly target?: Target;
  /** A service level objective: one that is missed fails the run. Other targets are goals. */
  readonly isSlo?: boolean;
  /** Figures of one chart are drawn as bars beside each other. */
  readonly chart?: string;
  /** What a reader must know beside. */
  readonly note?: string;
}

export type Target = { readonly atLeast: number } | { readonly atMost: number };

export type Verdict = 'ok' | 'MISSED' | '';

export function verdict({ value, target }: Figure): Verdict {
  if (!target) return '';
  const isMet = 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
  return isMet ? 'ok' : 'MISSED';
}

export const isFailure = (figure: Figure): boolean => figure.isSlo === true && verdict(figure) === 'MISSED';

export const targetText = ({ target, isSlo }: Figure): string => (!target ? '' : `${'atLeast' in target ? `≥ ${digits(target.atLeast)}` : `≤ ${digits(target.atMost)}`}${isSlo ? ' (SLO)' : ''}`);

/** Three digits that say something. */
export function digits(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}
