/** The parameters of the API's operations, by the group in which operations take them. */

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly type: 'string' | 'integer' | 'boolean';
  readonly description: string;
  readonly required?: true;
}

type Row = readonly [name: string, type: Parameter['type'], description: string];

function query(rows: readonly Row[]): readonly Parameter[] {
  return rows.map(([name, type, description]) => ({ name, in: 'query', type, description }));
}

function path(name: string, description: string): Parameter {
  return { name, in: 'path', type: 'string', description, required: true };
}

const dryRun: Row = ['dryRun', 'string', 'All: check the request and answer as usual, but store nothing.'];
const fieldManager: Row = ['fieldManager', 'string', 'The name under which the changed fields are recorded.'];
const fieldValidation: Row = ['fieldValidation', 'string', 'What to do with unknown and repeated fields: Ignore, Warn or Strict.'];
const force: Row = ['force', 'boolean', 'Take over fields that other managers own. For apply patches only.'];

const deletion: readonly Row[] = [
  dryRun,
  ['gracePeriodSeconds', 'integer', 'How long the object may take to end; 0 ends it at once.'],
  ['ignoreStoreReadErrorWithClusterBreakingPotential', 'boolean', 'Delete the object even if what is stored cannot be read.'],
  ['orphanDependents', 'boolean', 'Deprecated, use propagationPolicy: whether dependents are left behind.'],
  ['propagationPolicy', 'string', 'What happens to dependents: Orphan, Background or Foreground.'],
];

const selection: readonly Row[] = [
  ['continue', 'string', 'Where the page before ended, as that page said.'],
  ['fieldSelector', 'string', 'Only objects whose fields match.'],
  ['labelSelector', 'string', 'Only objects whose labels match.'],
  ['limit', 'integer', 'How many objects a page may have.'],
  ['resourceVersion', 'string', 'The state of the cluster that is asked for.'],
  ['resourceVersionMatch', 'string', 'How resourceVersion is meant: Exact or NotOlderThan.'],
  ['sendInitialEvents', 'boolean', 'Begin a watch with the objects that there are.'],
  ['timeoutSeconds', 'integer', 'How long the request may last.'],
];

function sorted(rows: readonly Row[]): readonly Parameter[] {
  return query([...rows].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export const listParameters = sorted([
  ...selection,
  ['allowWatchBookmarks', 'boolean', 'Send bookmarks between the events of a watch.'],
  ['watch', 'boolean', 'Follow the changes instead of listing the objects.'],
]);
export const writeParameters = sorted([dryRun, fieldManager, fieldValidation]);
export const patchParameters = sorted([dryRun, fieldManager, fieldValidation, force]);
export const deleteParameters = sorted(deletion);
export const deleteCollectionParameters = sorted([...deletion, ...selection]);

export const nameParameter = (kind: string): Parameter => path('name', `The name of the ${kind}.`);
export const namespaceParameter = path('namespace', 'The namespace of the object.');
export const restOfPathParameter = path('path', 'The path to ask the target for.');
export const prettyParameter = query([['pretty', 'string', 'true: indent the answer.']]);

const streams: readonly Row[] = [
  ['container', 'string', 'The container; not needed where the pod has one only.'],
  ['stderr', 'boolean', 'Carry standard error.'],
  ['stdin', 'boolean', 'Carry standard input.'],
  ['stdout', 'boolean', 'Carry standard output.'],
  ['tty', 'boolean', 'Give the process a terminal.'],
];

/** What subresources take that are no objects, by `<resource>/<subresource>`. */
export const subresourceParameters: Readonly<Record<string, readonly Parameter[]>> = {
  'pods/attach': query(streams),
  'pods/exec': sorted([...streams, ['command', 'string', 'The command and its arguments; not run in a shell.']]),
  'pods/portforward': query([['ports', 'integer', 'The ports to forward.']]),
  'pods/proxy': query([['path', 'string', 'The path to ask the pod for.']]),
  'services/proxy': query([['path', 'string', 'The path to ask the service for.']]),
  'nodes/proxy': query([['path', 'string', 'The path to ask the node for.']]),
  'pods/log': query([
    ['container', 'string', 'The container; not needed where the pod has one only.'],
    ['follow', 'boolean', 'Go on as lines are written.'],
    ['insecureSkipTLSVerifyBackend', 'boolean', 'Do not verify the certificate of the node.'],
    ['limitBytes', 'integer', 'End after so many bytes.'],
    ['previous', 'boolean', 'The container that ran before this one.'],
    ['sinceSeconds', 'integer', 'Only lines that are not older.'],
    ['stream', 'string', 'All, Stdout or Stderr.'],
    ['tailLines', 'integer', 'Only so many of the last lines.'],
    ['timestamps', 'boolean', 'Put the time in front of each line.'],
  ]),
};
