/** Tables of all kinds but pods. The expected cells are what upstream's API server answered for the same objects. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { tableFor, type Cell } from './table-for.ts';

const now = Date.parse('2026-02-10T12:00:00Z');
const created = { name: 'x', creationTimestamp: '2026-02-07T10:00:00Z' };

// A case a line.
// prettier-ignore
const cases: readonly (readonly [kind: string, object: Record<string, unknown>, cells: readonly Cell[]])[] = [
  ["/Node", {"status":{"conditions":[{"type":"Ready","status":"True"}],"addresses":[{"type":"Hostname","address":"h"},{"type":"InternalIP","address":"1.1.1.1"},{"type":"ExternalIP","address":"2.2.2.2"}],"nodeInfo":{"kubeletVersion":"v1.36.0","osImage":"Debian","kernelVersion":"6.1","architecture":"amd64","containerRuntimeVersion":"containerd://2"}},"metadata":{"labels":{"node-role.kubernetes.io/control-plane":"","node-role.kubernetes.io/a":"","kubernetes.io/role":"zz"}}}, ["x","Ready","a,control-plane,zz","3d2h","v1.36.0","1.1.1.1","2.2.2.2","Debian","6.1 (amd64)","containerd://2"]],
  ["/Node", {"spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}}, ["x","NotReady,SchedulingDisabled","<none>","3d2h","","<none>","<none>","<unknown>","<unknown>","<unknown>"]],
  ["/Node", {"status":{}}, ["x","Unknown","<none>","3d2h","","<none>","<none>","<unknown>","<unknown>","<unknown>"]],
  ["/Service", {"spec":{"type":"ClusterIP","clusterIP":"10.0.0.9","clusterIPs":["10.0.0.9"],"ports":[{"port":80,"protocol":"TCP"},{"port":53,"protocol":"UDP","nodePort":30053}],"selector":{"b":"1","a":"2"}}}, ["x","ClusterIP","10.0.0.9","<none>","80/TCP,53:30053/UDP","3d2h","a=2,b=1"]],
  ["/Service", {"spec":{"type":"LoadBalancer","clusterIP":"None","ports":[]}}, ["x","LoadBalancer","None","<pending>","<none>","3d2h","<none>"]],
  ["/Service", {"spec":{"type":"LoadBalancer","clusterIP":"10.0.0.8","externalIPs":["9.9.9.9"],"ports":[{"port":1,"protocol":"TCP"}]},"status":{"loadBalancer":{"ingress":[{"ip":"8.8.8.8"},{"hostname":"abc.example"},{"ip":"1.1.1.1"}]}}}, ["x","LoadBalancer","10.0.0.8","1.1.1.1,8.8.8.8,abc.example,9.9.9.9","1/TCP","3d2h","<none>"]],
  ["/Service", {"spec":{"type":"ExternalName","externalName":"foo.bar"}}, ["x","ExternalName","<none>","foo.bar","<none>","3d2h","<none>"]],
  ["/Service", {"spec":{"type":"NodePort","externalIPs":["1.2.3.4","4.3.2.1"],"clusterIP":"10.0.0.7"}}, ["x","NodePort","10.0.0.7","1.2.3.4,4.3.2.1","<none>","3d2h","<none>"]],
  ["/Endpoints", {}, ["x","<none>","3d2h"]],
  ["/Endpoints", {"subsets":[{"addresses":[{"ip":"1.1.1.1"},{"ip":"fd00::1"}],"ports":[{"port":80,"name":"a"},{"port":81,"name":"b"}]}]}, ["x","1.1.1.1:80,[fd00::1]:80,1.1.1.1:81 + 1 more...","3d2h"]],
  ["/Endpoints", {"subsets":[{"addresses":[{"ip":"1.1.1.1"},{"ip":"1.1.1.2"}]}]}, ["x","1.1.1.1,1.1.1.2","3d2h"]],
  ["/Event", {"involvedObject":{"kind":"Pod","name":"x","fieldPath":"spec.c"},"reason":"R","message":" m \n","type":"Normal","firstTimestamp":"2026-02-07T12:00:00Z","lastTimestamp":"2026-02-08T12:00:00Z","count":3,"source":{"component":"c","host":"h"}}, ["2d","Normal","R","pod/x","spec.c","c, h","m","3d",3,"x"]],
  ["/Event", {"involvedObject":{"kind":"Node"},"eventTime":"2026-02-08T12:00:00.000000Z","series":{"count":4,"lastObservedTime":"2026-02-09T12:00:00.000000Z"},"reportingComponent":"rc","reportingInstance":"ri"}, ["24h","","","node","","rc, ri","","2d",4,"x"]],
  ["/Event", {"involvedObject":{"kind":"Node","name":"q"},"eventTime":"2026-02-08T12:00:00.000000Z","reportingComponent":"rc"}, ["2d","","","node/q","","rc","","2d",1,"x"]],
  ["/Event", {"involvedObject":{}}, ["<unknown>","","","","","","","<unknown>",1,"x"]],
  ["/PersistentVolumeClaim", {"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}},"status":{"phase":"Pending"}}, ["x","Pending","","","","","<unset>","3d2h","<unset>"]],
  ["/PersistentVolumeClaim", {"spec":{"volumeName":"v","storageClassName":"sc","volumeMode":"Block","volumeAttributesClassName":"q"},"status":{"phase":"Bound","accessModes":["ReadWriteMany","ReadWriteOnce","ReadWriteMany"],"capacity":{"storage":"1024Mi"}}}, ["x","Bound","v","1Gi","RWO,RWX","sc","q","3d2h","Block"]],
  ["/PersistentVolume", {"spec":{"capacity":{"storage":"1000m"},"accessModes":["ReadWriteOncePod","ReadOnlyMany"],"claimRef":{"namespace":"a","name":"b"},"persistentVolumeReclaimPolicy":"Retain","hostPath":{"path":"/a"}},"status":{"phase":"Bound","reason":"x"},"metadata":{"annotations":{"volume.beta.kubernetes.io/storage-class":"beta"}}}, ["x","1","ROX,RWOP","Retain","Bound","a/b","beta","<unset>","x","3d2h","<unset>"]],
  ["/PersistentVolume", {"spec":{"hostPath":{"path":"/x"}}}, ["x","0","","","","","","<unset>","","3d2h","<unset>"]],
  ["/ResourceQuota", {"status":{"hard":{"cpu":"10","limits.cpu":"2000m","pods":"5","requests.storage":"1024Mi","limits.memory":"0"},"used":{"cpu":"500m","pods":"1"}}}, ["x","cpu: 500m/10, pods: 1/5, requests.storage: 0/1Gi","limits.cpu: 0/2, limits.memory: 0/0","3d2h"]],
  ["/ConfigMap", {"data":{"a":"1"},"binaryData":{"b":"AA=="}}, ["x",2,"3d2h"]],
  ["/ConfigMap", {}, ["x",0,"3d2h"]],
  ["/Secret", {"type":"Opaque","data":{"a":"AA=="}}, ["x","Opaque",1,"3d2h"]],
  ["apps/Deployment", {"spec":{"replicas":3,"selector":{"matchLabels":{"b":"1","a":"2"},"matchExpressions":[{"key":"c","operator":"In","values":["z","y"]},{"key":"a","operator":"NotIn","values":["q"]},{"key":"d","operator":"DoesNotExist"},{"key":"e","operator":"Exists"}]},"template":{"spec":{"containers":[{"name":"a","image":"i1"},{"name":"b","image":"i2"}]}}},"status":{"readyReplicas":1,"updatedReplicas":2,"availableReplicas":1}}, ["x","1/3",2,1,"3d2h","a,b","i1,i2","a=2,a notin (q),b=1,c in (y,z),!d,e"]],
  ["apps/Deployment", {"spec":{"template":{"spec":{"containers":[]}}}}, ["x","0/0",0,0,"3d2h","","",""]],
  ["apps/ControllerRevision", {"revision":3,"metadata":{"ownerReferences":[{"apiVersion":"apps/v1","kind":"DaemonSet","name":"q","uid":"1","controller":true}]}}, ["x","daemonset.apps/q",3,"3d2h"]],
  ["apps/ControllerRevision", {"revision":0}, ["x","<none>",0,"3d2h"]],
  ["batch/Job", {"spec":{"completions":3,"template":{"spec":{"containers":[{"name":"a","image":"b"}]}}},"status":{"startTime":"2026-02-10T11:43:20Z","completionTime":"2026-02-10T11:51:40Z","succeeded":3,"conditions":[{"type":"Complete","status":"True"}]}}, ["x","Complete","3/3","8m20s","3d2h","a","b","<none>"]],
  ["batch/Job", {"spec":{"parallelism":4,"template":{"spec":{"containers":[{"name":"a","image":"b"}]}}},"status":{"conditions":[{"type":"Suspended","status":"True"}]}}, ["x","Suspended","0/1 of 4","","3d2h","a","b","<none>"]],
  ["batch/Job", {"spec":{"parallelism":1,"template":{"spec":{"containers":[{"name":"a","image":"b"}]}}},"status":{"startTime":"2026-02-07T10:00:00Z","conditions":[{"type":"Failed","status":"False"},{"type":"FailureTarget","status":"True"}]}}, ["x","FailureTarget","0/1","3d2h","3d2h","a","b","<none>"]],
  ["batch/CronJob", {"spec":{"schedule":"* * * * *","suspend":true,"timeZone":"Etc/UTC","jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"a","image":"b"}]}}}}},"status":{"active":[{}],"lastScheduleTime":"2026-02-07T12:00:00Z"}}, ["x","* * * * *","Etc/UTC","True",1,"3d","3d2h","a","b","<none>"]],
  ["batch/CronJob", {"spec":{"schedule":"x","jobTemplate":{"spec":{"template":{"spec":{"containers":[]}}}}}}, ["x","x","<none>","<unset>",0,"<none>","3d2h","","","<none>"]],
  ["networking.k8s.io/Ingress", {"spec":{"ingressClassName":"c","tls":[{}],"rules":[{"host":"a"},{"host":"b"},{},{"host":"c"},{"host":"d"}]},"status":{"loadBalancer":{"ingress":[{"ip":"2.2.2.2"},{"hostname":"a"}]}}}, ["x","c","a,b,c + 2 more...","2.2.2.2,a","80, 443","3d2h"]],
  ["networking.k8s.io/Ingress", {"spec":{"rules":[{},{}]}}, ["x","<none>","*","","80","3d2h"]],
  ["networking.k8s.io/Ingress", {"spec":{"rules":[{"host":"a"},{"host":"b"},{"host":"c"}]}}, ["x","<none>","a,b,c","","80","3d2h"]],
  ["networking.k8s.io/IngressClass", {"spec":{"controller":"x/y","parameters":{"apiGroup":"g","kind":"K","name":"n"}},"metadata":{"annotations":{"ingressclass.kubernetes.io/is-default-class":"true"}}}, ["x (default)","x/y","K.g/n","3d2h"]],
  ["networking.k8s.io/IngressClass", {"spec":{"parameters":{"kind":"K","name":"n"}}}, ["x","","K/n","3d2h"]],
  ["networking.k8s.io/IPAddress", {"spec":{"parentRef":{"group":"g","resource":"R","namespace":"n","name":"m"}}}, ["x","r.g/n/m","3d2h"]],
  ["networking.k8s.io/IPAddress", {"spec":{"parentRef":{"resource":"services","name":"m"}}}, ["x","services/m","3d2h"]],
  ["networking.k8s.io/IPAddress", {"spec":{}}, ["x","<none>","3d2h"]],
  ["storage.k8s.io/StorageClass", {"provisioner":"p","metadata":{"annotations":{"storageclass.kubernetes.io/is-default-class":"true"}}}, ["x (default)","p","Delete","Immediate",false,"3d2h"]],
  ["storage.k8s.io/CSIDriver", {"spec":{"tokenRequests":[{"audience":"a"},{"audience":"b"}],"volumeLifecycleModes":["Ephemeral","Persistent"],"attachRequired":false}}, ["x",false,false,false,"a,b",false,"Ephemeral,Persistent","3d2h"]],
  ["storage.k8s.io/CSIDriver", {"spec":{}}, ["x",true,false,false,"<unset>",false,"<none>","3d2h"]],
  ["rbac.authorization.k8s.io/RoleBinding", {"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"},"subjects":[{"kind":"User","name":"u1","apiGroup":"g"},{"kind":"User","name":"u2"},{"kind":"Group","name":"g"},{"kind":"ServiceAccount","name":"s","namespace":"n"}]}, ["x","Role/r","3d2h","u1, u2","g","n/s"]],
  ["certificates.k8s.io/CertificateSigningRequest", {"spec":{"signerName":"a/b","username":"u","expirationSeconds":3600,"request":"AA==","usages":[]},"status":{"conditions":[{"type":"Approved","status":"True"},{"type":"Failed","status":"True"}],"certificate":"AA=="}}, ["x","3d2h","a/b","u","60m","Approved,Failed,Issued"]],
  ["certificates.k8s.io/CertificateSigningRequest", {"spec":{"request":"AA=="},"status":{"conditions":[{"type":"Denied","status":"True"}]}}, ["x","3d2h","<none>","","<none>","Denied"]],
  ["admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding", {"spec":{"policyName":"p","paramRef":{"name":"n","namespace":"m"}}}, ["x","p","m/n","3d2h"]],
  ["admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding", {"spec":{"paramRef":{"name":"n"}}}, ["x","","*/n","3d2h"]],
  ["admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding", {"spec":{"paramRef":{"selector":{"matchLabels":{"b":"1","a":"2"},"matchExpressions":[{"key":"k","operator":"In","values":["x","y"]}]}}}}, ["x","","&LabelSelector{MatchLabels:map[string]string{a: 2,b: 1,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},},}","3d2h"]],
  ["admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding", {"spec":{}}, ["x","","<unset>","3d2h"]],
  ["autoscaling/HorizontalPodAutoscaler", {"spec":{"maxReplicas":4,"scaleTargetRef":{"kind":"D","name":"n"},"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":50}}},{"type":"Pods","pods":{"metric":{"name":"x"},"target":{"type":"AverageValue","averageValue":"1000m"}}},{"type":"External","external":{"metric":{"name":"x"},"target":{"type":"Value","value":"10"}}}]},"status":{"currentReplicas":1,"currentMetrics":[{"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":20,"averageValue":"10m"}}}]}}, ["x","D/n","cpu: 20%/50%, <unknown>/1 + 1 more...","<unset>",4,1,"3d2h"]],
  ["autoscaling/HorizontalPodAutoscaler", {"spec":{"minReplicas":2,"maxReplicas":4,"scaleTargetRef":{"kind":"D","name":"n"},"metrics":[{"type":"External","external":{"metric":{"name":"x"},"target":{"averageValue":"10"}}},{"type":"Object","object":{"describedObject":{"kind":"k","name":"n"},"metric":{"name":"x"},"target":{"value":"10"}}}]},"status":{"currentMetrics":[{"type":"External","external":{"metric":{"name":"x"},"current":{"averageValue":"3"}}},{"type":"Object","object":{"describedObject":{"kind":"k","name":"n"},"metric":{"name":"x"},"current":{"value":"5"}}}]}}, ["x","D/n","3/10 (avg), 5/10","2",4,0,"3d2h"]],
  ["autoscaling/HorizontalPodAutoscaler", {"spec":{"maxReplicas":4,"scaleTargetRef":{"kind":"D","name":"n"},"metrics":[{"type":"Resource","resource":{"name":"memory","target":{"averageValue":"1Gi"}}},{"type":"ContainerResource","containerResource":{"container":"c","name":"cpu","target":{"averageUtilization":30}}}]},"status":{"currentMetrics":[{"type":"Resource","resource":{"name":"memory","current":{"averageUtilization":2}}},{"type":"ContainerResource","containerResource":{"container":"c","name":"cpu","current":{"averageUtilization":7}}}]}}, ["x","D/n","memory: <nil>/1Gi, cpu: 7%/30%","<unset>",4,0,"3d2h"]],
  ["policy/PodDisruptionBudget", {"spec":{"minAvailable":"50%"}}, ["x","50%","N/A",0,"3d2h"]],
  ["policy/PodDisruptionBudget", {"spec":{"maxUnavailable":1},"status":{"disruptionsAllowed":2,"currentHealthy":1,"desiredHealthy":1,"expectedPods":1}}, ["x","N/A","1",2,"3d2h"]],
  ["discovery.k8s.io/EndpointSlice", {"addressType":"IPv4","ports":[{"port":1},{"name":"x"},{},{"port":4}],"endpoints":[{"addresses":["1","2"]},{"addresses":["3","4","5"]}]}, ["x","IPv4","1,x,* + 1 more...","1,2,3 + 2 more...","3d2h"]],
  ["discovery.k8s.io/EndpointSlice", {"addressType":"IPv4","endpoints":[]}, ["x","IPv4","<unset>","<unset>","3d2h"]],
  ["scheduling.k8s.io/PriorityClass", {"value":5,"globalDefault":true}, ["x",5,true,"3d2h",""]],
  ["resource.k8s.io/ResourceClaim", {"spec":{},"status":{"allocation":{},"reservedFor":[{"resource":"pods","name":"a","uid":"x"}]}}, ["x","allocated,reserved","3d2h"]],
  ["resource.k8s.io/ResourceClaim", {"spec":{},"metadata":{"deletionTimestamp":"2026-02-10T11:59:50Z"}}, ["x","deleted","3d2h"]],
  ["resource.k8s.io/ResourceClaim", {"spec":{}}, ["x","pending","3d2h"]],
];

describe('cells', () => {
  for (const [key, object, cells] of cases) {
    const [group = '', kind = ''] = key.split('/');
    test(`${kind}: ${cells.join(' ')}`, () => {
      const definition = tableFor(group, kind);
      const given = { ...object, metadata: { ...created, ...(object['metadata'] as object | undefined) } };
      assert.deepEqual(definition.cells(given, now), cells);
    });
  }

  test('events of the newer group print as core ones', () => {
    const cells = tableFor('events.k8s.io', 'Event').cells(
      {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: created,
        regarding: { kind: 'Pod', name: 'p' },
        note: 'text',
        reason: 'Why',
        type: 'Normal',
        eventTime: '2026-02-10T11:59:00.000000Z',
        reportingController: 'c',
        reportingInstance: 'i',
      },
      now,
    );
    assert.deepEqual(cells, ['60s', 'Normal', 'Why', 'pod/p', '', 'c, i', 'text', '60s', 1, 'x']);
  });

  test('an autoscaler of version 1 prints as the same one of version 2', () => {
    const cells = tableFor('autoscaling', 'HorizontalPodAutoscaler').cells(
      {
        apiVersion: 'autoscaling/v1',
        kind: 'HorizontalPodAutoscaler',
        metadata: created,
        spec: {
          maxReplicas: 3,
          targetCPUUtilizationPercentage: 50,
          scaleTargetRef: { kind: 'Deployment', name: 'web' },
        },
        status: { currentReplicas: 2, desiredReplicas: 2, currentCPUUtilizationPercentage: 20 },
      },
      now,
    );
    assert.deepEqual(cells, ['x', 'Deployment/web', 'cpu: 20%/50%', '<unset>', 3, 2, '3d2h']);
  });

  test('a kind without a table gets name and creation time', () => {
    const definition = tableFor('example.com', 'Widget');
    assert.deepEqual(
      definition.columns.map(({ name, type }) => [name, type]),
      [
        ['Name', 'string'],
        ['Created At', 'date'],
      ],
    );
    assert.deepEqual(definition.cells({ metadata: created }, now), ['x', '2026-02-07T10:00:00Z']);
  });

  test('an object that has nothing yet has a cell a column', () => {
    for (const [group, kind] of [
      ['', 'Pod'],
      ['', 'Node'],
      ['', 'Event'],
      ['apps', 'DaemonSet'],
      ['batch', 'CronJob'],
    ] as const)
      assert.equal(
        tableFor(group, kind).cells({ metadata: {} }, now).length,
        tableFor(group, kind).columns.length,
        kind,
      );
  });
});
