import { expect, test } from 'vitest';
import { essenceOf, type Pod } from './pod.ts';

const read = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'net-full-0',
    namespace: 'b',
    uid: 'u',
    resourceVersion: '7',
    deletionTimestamp: '2026-01-01T00:00:00Z',
    labels: { 'peerstorm.dev/node': 'full-0' },
    annotations: { 'peerstorm.dev/first-incarnation': '2' },
    ownerReferences: [
      { apiVersion: 'peerstorm.dev/v1alpha1', kind: 'Testnet', name: 'net', uid: 't' },
    ],
  },
  spec: { nodeName: 'one', restartPolicy: 'Never' },
  status: {
    phase: 'Failed',
    reason: 'Evicted',
    message: 'low on memory',
    podIPs: [{ ip: '10.1.0.1' }],
    conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'r', message: 'm' }],
    initContainerStatuses: [{ name: 'gate', restartCount: 0, state: { waiting: { reason: 'w' } } }],
    containerStatuses: [
      {
        name: 'node',
        restartCount: 1,
        state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
        lastState: { terminated: { exitCode: 1, reason: 'Error' } },
      },
    ],
  },
} as const satisfies Pod;

test('of a pod stays what is read of it', () => {
  expect(essenceOf(read)).toEqual(read);
  const { status: _, ...young } = read;
  expect(essenceOf(young)).toEqual(young);
});

test('the rest goes', () => {
  const { metadata, spec, status } = read;
  const whole: Pod = {
    ...read,
    metadata: { ...metadata, generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { ...spec, volumes: [{ name: 'data', emptyDir: {} }], containers: [{ name: 'node' }] },
    status: {
      ...status,
      conditions: [...status.conditions, { type: 'Initialized', status: 'True' }],
      containerStatuses: status.containerStatuses.map((one) => ({ ...one, imageID: 'sha256:0' })),
    },
  };
  expect(essenceOf(whole)).toEqual(read);
});
