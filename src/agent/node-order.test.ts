import { describe, expect, test } from 'vitest';
import type { PodOrder } from '../runtime/kubernetes/objects.ts';
import { type NodeStep, nodeStep, type SeenContainer } from './node-order.ts';

const order = (run: PodOrder['run'], incarnation: number): PodOrder => ({ run, incarnation });
const runs = (incarnation: number): SeenContainer => ({ incarnation, frozen: false });
const frozen = (incarnation: number): SeenContainer => ({ incarnation, frozen: true });

describe('of a node whose order is', () => {
  type Case = readonly [PodOrder, SeenContainer | undefined, NodeStep['act'], NodeStep['phase']];

  test.each<[string, Case]>([
    ['to run, and it does', [order('running', 0), runs(0), 'nothing', 'running']],
    ['to run, and it is frozen', [order('running', 0), frozen(0), 'release', 'running']],
    ['to run, and nothing is there', [order('running', 0), undefined, 'nothing', 'starting']],
    ['to run, and the kubelet began it anew', [order('running', 0), runs(1), 'nothing', 'running']],
    ['to run anew, and the old one is there', [order('running', 1), runs(0), 'end', 'running']],
    ['to run anew, and the old one is paused', [order('running', 1), frozen(0), 'end', 'running']],
    ['to run anew, and nothing is there', [order('running', 1), undefined, 'nothing', 'starting']],
    [
      'to run anew, and the successor waits',
      [order('running', 1), frozen(1), 'release', 'running'],
    ],
    ['to be paused, and it runs', [order('paused', 0), runs(0), 'freeze', 'running']],
    ['to be paused, and it is', [order('paused', 0), frozen(0), 'nothing', 'paused']],
    ['to be paused, and nothing is there', [order('paused', 0), undefined, 'nothing', 'starting']],
    ['to stop, and it runs', [order('stopped', 0), runs(0), 'end', 'running']],
    ['to stop, and it is paused', [order('stopped', 0), frozen(0), 'end', 'running']],
    ['to stop, and it has', [order('stopped', 0), undefined, 'nothing', 'exited']],
    ['to stop, and a successor runs', [order('stopped', 0), runs(1), 'freeze', 'exited']],
    ['to stop, and a successor is frozen', [order('stopped', 0), frozen(1), 'nothing', 'exited']],
  ])('%s', (_, [given, seen, act, phase]) => {
    expect(nodeStep(given, seen)).toMatchObject({ act, phase });
  });
});

test('only what may appear and must not run is waited for with open eyes', () => {
  expect(nodeStep(order('stopped', 0), undefined).watchful).toBe(true);
  expect(nodeStep(order('running', 1), undefined).watchful).toBe(false);
  expect(nodeStep(order('paused', 1), runs(1)).watchful).toBe(true);
});
