/** The families of kinds whose defaulters make up the table. */
import { defaulters as config } from './core-config.ts';
import { defaulters as pods } from './core-pod.ts';
import { defaulters as services } from './core-service.ts';
import { defaulters as storage } from './core-storage.ts';
import { defaulters as admissionregistration } from './admissionregistration.ts';
import { defaulters as apiextensions } from './apiextensions.ts';
import { defaulters as apiregistration } from './apiregistration.ts';
import { defaulters as apps } from './apps.ts';
import { defaulters as autoscaling } from './autoscaling.ts';
import { defaulters as batch } from './batch.ts';
import { defaulters as coordination } from './coordination.ts';
import { defaulters as discovery } from './discovery.ts';
import { defaulters as flowcontrol } from './flowcontrol.ts';
import { defaulters as networking } from './networking.ts';
import { defaulters as policy } from './policy.ts';
import { defaulters as rbac } from './rbac.ts';
import { defaulters as resource } from './resource.ts';
import { defaulters as scheduling } from './scheduling.ts';
import { defaulters as storageClasses } from './storage.ts';
import type { Defaulters } from './kind-defaulter.ts';

export const families: readonly Defaulters[] = [
  config,
  pods,
  services,
  storage,
  admissionregistration,
  apiextensions,
  apiregistration,
  apps,
  autoscaling,
  batch,
  coordination,
  discovery,
  flowcontrol,
  networking,
  policy,
  rbac,
  resource,
  scheduling,
  storageClasses,
];
