/** Whether tolerations tolerate a taint: the rule of core/v1, shared by the plugins that look at taints. */
import type { Taint, Toleration } from '../../api/types/core-v1.ts';

export function tolerates(tolerations: readonly Toleration[], taint: Pick<Taint, 'key' | 'value' | 'effect'>): boolean {
  for (const toleration of tolerations) if (toleratesTaint(toleration, taint)) return true;
  return false;
}

function toleratesTaint({ key, value, effect, operator }: Toleration, taint: Pick<Taint, 'key' | 'value' | 'effect'>): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  switch (operator || 'Equal') {
    case 'Exists':
      return true;
    case 'Equal':
      return key !== undefined && key !== '' && (value ?? '') === (taint.value ?? '');
    default:
      return false;
  }
}
