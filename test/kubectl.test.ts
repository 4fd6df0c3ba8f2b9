/** The real kubectl against a real cluster: messages and exit codes as against upstream. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster, type Cluster } from '../src/cluster/all-in-one.ts';
import { missing, runTool, type Outcome } from './lib/tools.ts';

function controller(name: string, replicas: number): string {
  const container = { name: 'c', image: 'registry.k8s.io/pause:3.10', resources: { requests: { cpu: '10m', memory: '25Mi' } } };
  return JSON.stringify({
    kind: 'ReplicationController',
    apiVersion: 'v1',
    metadata: { name },
    spec: { replicas, selector: { name }, template: { metadata: { labels: { name } }, spec: { containers: [container] } } },
  });
}

describe('kubectl', { skip: missing ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster({ datastore: 'memory', nodes: 3 });
    await cluster.nodesReady();
  });
  after(() => cluster.stop());

  const kubectl = (args: string, stdin?: string, env?: Record<string, string>): Promise<Outcome> =>
    runTool('kubectl', cluster.kubeconfigPath, args.split(' '), { ...(stdin === undefined ? {} : { stdin }), ...(env ? { env } : {}) });
  const says = async (args: string, expected: string | RegExp, stdin?: string) => {
    const { code, stdout, stderr } = await kubectl(args, stdin);
    assert.equal(code, 0, `${args}: ${stderr}`);
    if (typeof expected === 'string') assert.equal(stdout.trim(), expected, args);
    else assert.match(stdout, expected, args);
  };
  const fails = async (args: string, expected: RegExp, stdin?: string) => {
    const { code, stderr } = await kubectl(args, stdin);
    assert.equal(code, 1, args);
    assert.match(stderr, expected, args);
  };

  test('ReplicationControllers of 5, 30 and 250 replicas end with every pod Running and Ready', async () => {
    for (const replicas of [5, 30, 250]) {
      const name = `rc${replicas}`;
      await says('create -f -', `replicationcontroller/${name} created`, controller(name, replicas));
      await says(`wait rc/${name} --for=jsonpath={.status.readyReplicas}=${replicas} --timeout=50s`, /condition met/);
      const { stdout } = await kubectl(`get pods -l name=${name} -o jsonpath={.items[*].status.phase}`);
      assert.deepEqual(stdout.split(' '), Array.from({ length: replicas }, () => 'Running'));
    }
    await says('delete rc rc250 --cascade=foreground', /replicationcontroller "rc250" deleted/);
    await says('get pods -l name=rc250', '');
  });

  test('get: tables, wide, selectors, all namespaces, chunks, raw', async () => {
    await says('get nodes', /^NAME +STATUS +ROLES +AGE +VERSION\nnode-0 +Ready +<none> +\S+ +v1\.36\.0/);
    await says('get rc rc5 -o wide', /^NAME +DESIRED +CURRENT +READY +AGE +CONTAINERS +IMAGES +SELECTOR\nrc5 +5 +5 +5 +\S+ +c +registry\.k8s\.io\/pause:3\.10 +name=rc5/);
    await says('get pods -A --chunk-size=7 -o name', /^(pod\/rc\d+-\w+\n)+$/);
    await says('get pods --field-selector=status.phase=Pending -o name', '');
    await fails('get pods nothing', /^Error from server \(NotFound\): pods "nothing" not found/);
    await fails('get pods --field-selector=foo=bar', /field label not supported: foo/);
    await says('get --raw /readyz', 'ok');
    await says('api-versions', /apps\/v1\n/);
    await says('api-resources', /replicationcontrollers +rc +v1 +true +ReplicationController/);
    await says('version', /Server Version: v1\.36\.0/);
    await says('cluster-info', /Kubernetes control plane/);
  });

  test('apply, patch, edit, replace, scale, label, annotate', async () => {
    const manifest = controller('changing', 1);
    await says('apply -f -', 'replicationcontroller/changing created', manifest);
    await says('apply -f -', 'replicationcontroller/changing unchanged', manifest);
    await says('apply -f -', 'replicationcontroller/changing configured', controller('changing', 2));
    await says('scale rc changing --replicas=3', 'replicationcontroller/changing scaled');
    await says('label rc changing a=b', 'replicationcontroller/changing labeled');
    await says('annotate rc changing a=b', 'replicationcontroller/changing annotated');
    await says('patch rc changing -p {"spec":{"replicas":1}}', 'replicationcontroller/changing patched');
    await says('patch rc changing --type=merge -p {"metadata":{"labels":{"a":null}}}', 'replicationcontroller/changing patched');
    await says('patch rc changing --type=json -p [{"op":"add","path":"/metadata/labels/c","value":"d"}]', 'replicationcontroller/changing patched');
    await says('patch rc changing -p {"spec":{"replicas":1}}', 'replicationcontroller/changing patched (no change)');
    const edited = await kubectl('edit rc changing', undefined, { EDITOR: "sed -i 's/replicas: 1/replicas: 2/'" });
    assert.match(edited.stdout, /replicationcontroller\/changing edited/, edited.stderr);
    await says('replace -f -', 'replicationcontroller/changing replaced', controller('changing', 2));
    // With a version: an object that no controller writes to, for the version to be still the latest.
    await says('create configmap held --from-literal=a=b', 'configmap/held created');
    const { stdout } = await kubectl('get configmap held -o json');
    await says('replace -f -', 'configmap/held replaced', stdout.replace('"a": "b"', '"a": "c"'));
    await fails('replace -f -', /the object has been modified; please apply your changes to the latest version and try again/, stdout);
    await says('delete rc changing --cascade=orphan', /deleted/);
    await says('delete pods -l name=changing --grace-period=0 --force', /force deleted/);
  });

  test('watch, diff, events, config, and what only shows over time', async () => {
    const watched = kubectl('get configmaps --watch-only --output-watch-events --request-timeout=4s --field-selector=metadata.name=seen');
    // What comes before the watch does is not seen: so it is done again and again, until the watch has ended.
    let watching = true;
    void watched.finally(() => (watching = false));
    while (watching) {
      await says('create configmap seen --from-literal=a=b', 'configmap/seen created');
      await says('delete configmap seen', /configmap "seen" deleted/);
    }
    const { stdout: events } = await watched;
    assert.match(events, /^EVENT +NAME +DATA +AGE\n/);
    assert.match(events, /\nADDED +seen +1 +\S+\nDELETED +seen +1 +\S+\n/);

    await says('apply -f -', 'replicationcontroller/differing created', controller('differing', 1));
    const differs = await kubectl('diff -f -', controller('differing', 2));
    assert.equal(differs.code, 1, differs.stderr);
    assert.match(differs.stdout, /\n- {2}replicas: 1\n\+ {2}replicas: 2\n/);
    const same = await kubectl('diff -f -', controller('differing', 1));
    assert.deepEqual([same.code, same.stdout], [0, '']);

    await says('wait rc/differing --for=jsonpath={.status.readyReplicas}=1 --timeout=30s', /condition met/);
    const { stdout: pod } = await kubectl('get pods -l name=differing -o name');
    // Recorders gather what happens for a moment before they write.
    const until = Date.now() + 20_000;
    let told = '';
    while (Date.now() < until && !/Started/.test(told)) told = (await kubectl(`events --for=${pod.trim()}`)).stdout;
    assert.match(told, /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n/);
    for (const reason of ['Scheduled', 'Pulled', 'Created', 'Started']) assert.match(told, new RegExp(`Normal +${reason} +Pod/differing-`, 'i'), told);
    const warnings = await kubectl('events --for=rc/differing --types=Warning');
    assert.deepEqual([warnings.code, warnings.stderr.trim()], [0, 'No events found in default namespace.']);
    await says('config view --minify -o jsonpath={.contexts[0].context.user}', 'kubernetes-admin');
    await says('delete rc differing', /deleted/);
  });

  test('server-side apply: created, shared, in conflict, forced, coming from kubectl’s own apply', async () => {
    const map = (data: object, name = 'owned') => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
    await says('apply --server-side -f -', 'configmap/owned serverside-applied', map({ a: '1', b: '2' }));
    await says('apply --server-side --field-manager=other -f -', 'configmap/owned serverside-applied', map({ c: '3' }));
    await fails('apply --server-side --field-manager=other -f -', /Apply failed with 1 conflict: conflict with "kubectl": \.data\.a/, map({ a: 'x', c: '3' }));
    await says('apply --server-side --field-manager=other --force-conflicts -f -', 'configmap/owned serverside-applied', map({ a: 'x', c: '3' }));
    await says('apply --server-side --dry-run=server -f -', 'configmap/owned serverside-applied (server dry run)', map({ b: '2', d: '4' }));
    await says('apply --server-side -f -', 'configmap/owned serverside-applied', map({}));
    await says('get configmap owned -o jsonpath={.data}', '{"a":"x","c":"3"}');
    await says('get configmap owned -o yaml', /^(?![^]*managedFields)/);
    await says('get configmap owned -o yaml --show-managed-fields', /manager: other\n +operation: Apply\n/);
    // From the client's apply to the server's and back.
    await says('apply -f -', 'configmap/moving created', map({ a: '1', b: '2' }, 'moving'));
    await says('apply --server-side -f -', 'configmap/moving serverside-applied', map({ a: '5' }, 'moving'));
    await says('get configmap moving -o jsonpath={.data}', '{"a":"5"}');
    await says('apply view-last-applied configmap/moving', /data:\n +a: "5"/);
    await says('apply -f -', 'configmap/moving configured', map({ a: '6' }, 'moving'));
    const labelled = controller('labelled', 0).replace('"name":"labelled"', '"name":"labelled","labels":{"a":"1"}');
    await says('create -f -', 'replicationcontroller/labelled created', labelled);
    await fails('apply --server-side -f -', /conflict with "kubectl-create" using v1: \.spec\.replicas/, labelled.replace('"replicas":0', '"replicas":1'));
    await says('delete rc labelled', /deleted/);
  });

  test('what is wrong is refused in upstream’s words', async () => {
    await fails('create -f -', /unknown field "spec\.foo"/, controller('bad', 1).replace('"replicas"', '"foo":1,"replicas"'));
    await fails('create -f -', /Invalid value: "UPPER": a lowercase RFC 1123 subdomain must consist of/, controller('UPPER', 1));
    await fails('create -f -', /spec\.replicas: Invalid value: -1: must be greater than or equal to 0/, controller('negative', -1));
    await fails('create -f -', /namespaces "nowhere" not found/, controller('lost', 1).replace('"name":"lost"', '"name":"lost","namespace":"nowhere"'));
  });

  test('every kind that kubectl create makes', async () => {
    await says('create namespace made', 'namespace/made created');
    for (const [args, expected] of [
      ['configmap c --from-literal=a=b', 'configmap/c created'],
      ['secret generic s --from-literal=a=b', 'secret/s created'],
      ['serviceaccount sa', 'serviceaccount/sa created'],
      ['role r --verb=get --resource=pods', 'role.rbac.authorization.k8s.io/r created'],
      ['rolebinding rb --role=r --serviceaccount=made:sa', 'rolebinding.rbac.authorization.k8s.io/rb created'],
      ['clusterrole cr --verb=get --resource=pods', 'clusterrole.rbac.authorization.k8s.io/cr created'],
      ['clusterrolebinding crb --clusterrole=cr --user=u', 'clusterrolebinding.rbac.authorization.k8s.io/crb created'],
      ['deployment d --image=nginx', 'deployment.apps/d created'],
      ['job j --image=busybox', 'job.batch/j created'],
      ['cronjob cj --image=busybox --schedule=@hourly', 'cronjob.batch/cj created'],
      ['service clusterip svc --tcp=80:80', 'service/svc created'],
      ['service nodeport np --tcp=80:80', 'service/np created'],
      ['service externalname en --external-name=example.com', 'service/en created'],
      ['ingress i --rule=foo.com/bar=svc:80', 'ingress.networking.k8s.io/i created'],
      ['quota q --hard=pods=10', 'resourcequota/q created'],
      ['poddisruptionbudget p --selector=app=x --min-available=1', 'poddisruptionbudget.policy/p created'],
      ['priorityclass pc --value=10', 'priorityclass.scheduling.k8s.io/pc created'],
    ] as const)
      await says(`create -n made ${args}`, expected);
    await says('rollout status -n made deployment/d --timeout=30s', /successfully rolled out/);
    await says('create token sa -n made', /^ey[\w-]+\.[\w-]+\.[\w-]+$/m);
    await says('auth can-i get pods -n made --as=system:serviceaccount:made:sa', 'yes');
    assert.equal((await kubectl('auth can-i delete pods -n made --as=system:serviceaccount:made:sa')).stdout.trim(), 'no');
    await says('auth whoami', /kubernetes-admin/);
    await says('run p --image=nginx -n made', 'pod/p created');
    await says('expose pod p --port=80 -n made', 'service/p exposed');
    await says('describe pod p -n made', /Status: +(Pending|Running)/);
    await says('explain rc.spec.replicas', /FIELD: replicas <integer>/);
    await says('create configmap dry --from-literal=a=b --dry-run=server', 'configmap/dry created (server dry run)');
    await fails('get configmap dry', /not found/);
    await says('delete namespace made --timeout=50s', /namespace "made" deleted/);
  });
});
