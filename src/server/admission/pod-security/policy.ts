/** Which Pod Security Standard holds in a namespace: its `pod-security.kubernetes.io/...` labels. */
import type { FieldError } from '../../../api/errors.ts';
import { goQuote } from '../../../api/validation/go-format.ts';

export type Level = 'privileged' | 'baseline' | 'restricted';

const strictness: Record<Level, number> = { privileged: 0, baseline: 1, restricted: 2 };

/** A level as of a version of Kubernetes: `restricted:latest`, `baseline:v1.24`. */
export interface Standard {
  readonly level: Level;
  /** The minor version; Infinity is the latest. */
  readonly minor: number;
}

export type Mode = 'enforce' | 'audit' | 'warn';

export interface Policy {
  readonly enforce: Standard;
  readonly audit: Standard;
  readonly warn: Standard;
  readonly errors: readonly FieldError[];
}

export const privileged: Standard = { level: 'privileged', minor: Infinity };

export function formatStandard({ level, minor }: Standard): string {
  return `${level}:${minor === Infinity ? 'latest' : `v1.${minor}`}`;
}

export function isStricter(a: Level, b: Level): boolean {
  return strictness[a] > strictness[b];
}

const prefix = 'pod-security.kubernetes.io/';

function labelError(key: string, value: string, why: string): FieldError {
  return {
    reason: 'FieldValueInvalid',
    field: `metadata.labels[${key}]`,
    message: `Invalid value: ${goQuote(value)}: ${why}`,
  };
}

/** A mode that is wrongly labelled is enforced at its strictest, but audited and warned of not at all. */
function standardOf(labels: Readonly<Record<string, string>>, mode: Mode, errors: FieldError[]): Standard {
  let { level, minor } = privileged;
  const levelText = labels[prefix + mode];
  if (levelText !== undefined) {
    if (Object.hasOwn(strictness, levelText)) level = levelText as Level;
    else {
      level = mode === 'enforce' ? 'restricted' : 'privileged';
      errors.push(labelError(prefix + mode, levelText, 'must be one of privileged, baseline, restricted'));
    }
  }
  const versionText = labels[`${prefix}${mode}-version`];
  if (versionText !== undefined && versionText !== 'latest') {
    const match = /^v1\.(0|[1-9][0-9]*)$/.exec(versionText);
    if (match) minor = Number(match[1]);
    else errors.push(labelError(`${prefix}${mode}-version`, versionText, 'must be "latest" or "v1.x"'));
  }
  return { level, minor };
}

export function policyOf(labels: Readonly<Record<string, string>> | undefined): Policy {
  if (!labels) return { enforce: privileged, audit: privileged, warn: privileged, errors: [] };
  const errors: FieldError[] = [];
  const enforce = standardOf(labels, 'enforce', errors);
  const enforceIsGood = labels[`${prefix}enforce`] === enforce.level;
  const audit = standardOf(labels, 'audit', errors);
  let warn = standardOf(labels, 'warn', errors);
  // What will be refused of pods is worth a warning at what makes pods.
  if (labels[`${prefix}warn`] === undefined && enforceIsGood && isStricter(enforce.level, warn.level))
    warn = {
      level: enforce.level,
      minor: labels[`${prefix}warn-version`] === undefined ? enforce.minor : warn.minor,
    };
  return { enforce, audit, warn, errors };
}
