export function applyJsonPatch(doc: unknown, patch: unknown, typeName = ''): unknown { void doc; void patch; throw new Error(typeName); }
