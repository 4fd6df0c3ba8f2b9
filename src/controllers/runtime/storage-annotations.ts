/** How the parts that bring claims and volumes together speak to each other. Values that only mark are `yes`. */

/** On a claim: it is bound, and what is missing now has been lost. */
export const bindCompleted = 'pv.kubernetes.io/bind-completed';
/** On either: the binding is the controller's choice, not the user's. */
export const boundByController = 'pv.kubernetes.io/bound-by-controller';
/** On a volume: who made it, and deletes it. */
export const provisionedBy = 'pv.kubernetes.io/provisioned-by';
/** On a claim: who is asked to make a volume. */
export const storageProvisioner = 'volume.kubernetes.io/storage-provisioner';
export const betaStorageProvisioner = 'volume.beta.kubernetes.io/storage-provisioner';
/** On a claim: the node that the scheduler has chosen for the pod. */
export const selectedNode = 'volume.kubernetes.io/selected-node';
